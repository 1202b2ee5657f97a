/** Every numbered MUST of the specifications is named by a test, and every test names rules that exist. */
import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { STREAM_ERRORS } from '../../src/protocol/stream-errors.ts'
import { END_REASONS } from '../../src/runs/end-reasons.ts'
import { RUN_ERRORS } from '../../src/runs/errors.ts'

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

it('no page has numbered rules that nothing holds to their tests', () => {
  // ST: test/streams/spec.test.ts. CL: test/channels/channel-layer-doc.test.ts. Both know of their cases.
  const numbered = globSync(['*.md', 'docs/**/*.md']).flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/^(?:- \*\*|#+ )([A-Z]{2,})-\d+\b/gm)].map((match) => match[1]),
  )
  expect(new Set(numbered)).toEqual(new Set(['CL', 'HS', 'SS', 'ST']))
})

it('a MUST stands in a numbered rule, or nowhere', () => {
  const loose = globSync(['*.md', 'docs/**/*.md']).flatMap((path) =>
    readFileSync(path, 'utf8')
      .split('\n')
      .filter((line) => /\bMUST\b/.test(line) && !/^- \*\*[A-Z]{2,}-\d+\*\* /.test(line))
      .filter((line) => !line.startsWith('Each rule below') && !line.startsWith('The names of headers'))
      .map((line) => `${path}: ${line}`),
  )
  expect(loose).toEqual([])
})

it('every error of the stream socket and of runs stands in a specification', () => {
  const pages = ['docs/stream-socket.md', 'docs/http-streams.md', 'docs/runs.md'].map((path) =>
    readFileSync(path, 'utf8'),
  )
  const codes = [...Object.keys(STREAM_ERRORS), ...Object.keys(RUN_ERRORS), ...Object.keys(END_REASONS)]
  expect(codes.filter((code) => !pages.some((page) => page.includes(`\`${code}\``)))).toEqual([])
})
