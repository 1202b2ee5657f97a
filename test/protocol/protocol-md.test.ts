/** PROTOCOL.md says what the code does, as far as a table can be held to it. */
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { CloseCode } from '../../src/protocol/close-codes.ts'
import { ERRORS } from '../../src/protocol/errors.ts'
import { DEFAULT_MAX_DEPTH } from '../../src/protocol/json.ts'
import { CONNECTION_DEFAULTS } from '../../src/server/options.ts'

const text = readFileSync('PROTOCOL.md', 'utf8')

/** The first two columns of the table under a heading. */
function table(heading: string): string[][] {
  const section = text.split(/^## /m).find((one) => one.startsWith(`${heading}\n`)) ?? ''
  const rows = [...section.matchAll(/^\| (.*?) \| (.*?) \|/gm)].map(([, first = '', second = '']) => [
    first,
    second,
  ])
  return rows.slice(1).map((row) => row.map((cell) => cell.replaceAll('`', '')))
}

it('lists every error that HTTP requests are answered with', () => {
  const errors = Object.entries(ERRORS).map(([code, { status }]) => [code, String(status)])
  expect(Object.fromEntries(table('Errors over HTTP').map(([status, code]) => [code, status]))).toEqual(
    Object.fromEntries(errors),
  )
})

it('lists every close code', () => {
  expect(table('How a connection ends')).toEqual(
    Object.entries(CloseCode).map(([name, code]) => [String(code), name]),
  )
})

it('lists every limit with its default', () => {
  const limits = Object.entries(CONNECTION_DEFAULTS).filter(([, value]) => typeof value === 'number')
  expect(Object.fromEntries(table('Limits'))).toEqual(
    Object.fromEntries(limits.map(([name, value]) => [name, String(value)])),
  )
})

it('lists every fault of JSON', () => {
  expect(table('JSON').map(([fault]) => fault)).toEqual([
    'syntax',
    'depth',
    'prototype',
    'surrogate',
    'number',
  ])
  expect(text).toContain(`nesting beyond ${DEFAULT_MAX_DEPTH} levels`)
})
