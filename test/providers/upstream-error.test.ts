import { describe, expect, test } from 'vitest'
import { UPSTREAM_ERRORS, UpstreamError } from '../../src/providers/upstream-error.ts'
import type { UpstreamErrorCode } from '../../src/providers/upstream-error.ts'

describe('the registry of upstream errors', () => {
  test.each(Object.entries(UPSTREAM_ERRORS))('%s is said in plain sentences', (_, { sentence }) => {
    expect(sentence).toMatch(/^[A-Z][^]*\.$|npm install openai$/)
    // No status, no code of a program, nothing to look up.
    expect(sentence).not.toMatch(/\d|HTTP|API|_|undefined|null/)
  })

  const entries = Object.entries(UPSTREAM_ERRORS)
  const hopeless = ['cancelled', 'stopped', 'unknown']

  test.each(entries.filter(([code, { retryable }]) => retryable && !hopeless.includes(code)))(
    '%s says to try again',
    (_, { sentence }) => {
      expect(sentence).toMatch(/try again/)
    },
  )

  test.each(entries.filter(([, { retryable }]) => !retryable))(
    '%s says what else to do',
    (_, { sentence }) => {
      expect(sentence).toMatch(/Please |must run/)
    },
  )
})

describe('UpstreamError', () => {
  test.each(Object.keys(UPSTREAM_ERRORS) as UpstreamErrorCode[])('%s', (code) => {
    const error = new UpstreamError(code, 'HTTP 500')
    expect(error).toMatchObject({ name: 'UpstreamError', code, ...UPSTREAM_ERRORS[code], detail: 'HTTP 500' })
    expect(error.message).toBe(error.sentence)
    expect(error.cause).toBeUndefined()
  })
})
