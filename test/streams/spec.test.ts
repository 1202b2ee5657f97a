import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { streamStoreCases } from '../../src/conformance/stream-store-cases.ts'

/** The cases that the document names under each of its rules. */
const named = new Map<string, string[]>()
let cases: string[] = []
for (const line of readFileSync(new URL('../../docs/streams.md', import.meta.url), 'utf8').split('\n')) {
  const rule = /^- \*\*(ST-\d+)\*\* ./.exec(line)?.[1]
  if (rule !== undefined) {
    expect(named.has(rule), `${rule} stands there twice`).toBe(false)
    named.set(rule, (cases = []))
  } else if (line.startsWith('  - ')) cases.push(line.slice(4))
  else cases = []
}

it('numbers its rules from 1 without gaps', () => {
  expect([...named.keys()]).toEqual(Array.from(named, (_, n) => `ST-${n + 1}`))
})

it('names under each rule the cases that hold it, and every rule has one', () => {
  const held = [...named.keys()].map((rule) => [
    rule,
    streamStoreCases.filter((storeCase) => storeCase.rules.includes(rule)).map(({ name }) => name),
  ])
  expect([...named]).toEqual(held)
  for (const [rule, names] of named) expect(names, rule).not.toEqual([])
})

it('knows every rule that a case holds, and every case holds one', () => {
  for (const { name, rules } of streamStoreCases) {
    expect(rules, name).not.toEqual([])
    for (const rule of rules) expect([...named.keys()]).toContain(rule)
  }
})

it('no two cases have one name', () => {
  const names = streamStoreCases.map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})
