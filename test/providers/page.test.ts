/** What docs/providers.md says in tables is what the code does. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { UPSTREAM_ERRORS } from '../../src/providers/upstream-error.ts'

const page = readFileSync('docs/providers.md', 'utf8')

/** The rows of the table under this heading, cell by cell. */
function rows(heading: string): string[][] {
  const table = page.split(`\n${heading}\n`)[1]?.match(/^\|[-|]+\|\n((?:\|.*\n)+)/m)?.[1] ?? ''
  return table
    .trim()
    .split('\n')
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

test('every error is in its table, with its sentence', () => {
  const expected = Object.entries(UPSTREAM_ERRORS).map(([code, { sentence, retryable }]) => [
    `\`${code}\``,
    sentence,
    retryable ? 'yes' : 'no',
  ])
  expect(rows('## What happens on errors')).toEqual(expected)
})
