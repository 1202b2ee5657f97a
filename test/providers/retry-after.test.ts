import { expect, test } from 'vitest'
import { retryAfterOf, waitInWords } from '../../src/providers/retry-after.ts'
import { UpstreamError } from '../../src/providers/upstream-error.ts'

test.each([
  [30, undefined],
  [60, undefined],
  [61, 'in 2 minutes'],
  [420, 'in 7 minutes'],
  [3540, 'in an hour'],
  [3600, 'in an hour'],
  [5400, 'in 2 hours'],
  [86_400, 'in 24 hours'],
  [200_000, 'in 3 days'],
])('%d s are said as %s', (seconds, words) => {
  expect(waitInWords(seconds)).toBe(words)
})

test.each([
  ['3600', 3600],
  ['0', undefined],
  ['-5', undefined],
  ['soon', undefined],
  ['99999999999', undefined],
])('retry-after: %s', (after, seconds) => {
  expect(retryAfterOf({ headers: new Headers({ 'retry-after': after }) })).toBe(seconds)
})

test('who is to try again is told when', () => {
  expect(new UpstreamError('rate_limited', '', 3600).sentence).toBe(
    'The model service is getting too many requests from this server. Please try again in an hour.',
  )
  expect(new UpstreamError('rate_limited', '', 5).sentence).toMatch(/Please try again in a moment\.$/)
  // What does not pass by waiting has nothing to wait for.
  expect(new UpstreamError('key_refused', '', 3600).sentence).not.toContain('hour')
})
