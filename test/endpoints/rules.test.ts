/** Every numbered MUST of the specifications is named by a test, and every test names rules that exist. */
import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

const tests = globSync(['test/**/*.test.{ts,tsx}'])
  .map((path) => readFileSync(path, 'utf8'))
  .flatMap((text) => [...text.matchAll(/^\s*(?:it|test)(?:\.each\b[\s\S]*?\]\))?\(\s*['"`](.*)/gm)])
  .map((match) => match[1] ?? '')

it.each([
  ['docs/stream-socket.md', 'SS'],
  ['docs/http-streams.md', 'HS'],
])('%s: each MUST has its test', (path, letters) => {
  const found = [
    ...readFileSync(path, 'utf8').matchAll(new RegExp(`^- \\*\\*(${letters}-\\d+)\\*\\* (.*)`, 'gm')),
  ]
  const rules = found.map((match) => match[1])
  const musts = found.filter((match) => match[2]?.includes('MUST')).map((match) => match[1])
  const named = new Set(tests.flatMap((title) => title.match(new RegExp(`\\b${letters}-\\d+`, 'g')) ?? []))
  expect(rules).toEqual(rules.map((_, index) => `${letters}-${index + 1}`))
  expect(musts.length).toBeGreaterThan(10)
  expect(musts.filter((rule) => !named.has(rule as string))).toEqual([])
  expect([...named].filter((rule) => !rules.includes(rule))).toEqual([])
})
