import { OpenAI } from 'openai'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { backoff, retryPause } from '../../../src/providers/openai/retry.ts'

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

function answered(status: number, headers: Record<string, string> = {}, code?: string) {
  return OpenAI.APIError.generate(
    status,
    { error: { code, message: 'No.' } },
    undefined,
    new Headers(headers),
  )
}

describe('what is sent again', () => {
  test.each([408, 409, 429, 500, 502, 503, 529])('after HTTP %s', (status) => {
    expect(retryPause(answered(status), 0)).toBeGreaterThan(0)
  })

  test.each([
    ['no connection', new OpenAI.APIConnectionError({ message: 'Connection error.' })],
    ['no answer in time', new OpenAI.APIConnectionTimeoutError()],
    ['what the service wants sent again', answered(400, { 'x-should-retry': 'true' })],
  ])('after %s', (_, error) => {
    expect(retryPause(error, 0)).toBeGreaterThan(0)
  })

  test.each([
    ['a refusal', answered(400)],
    ['a refused key', answered(401)],
    ['a quota that is used up', answered(429, {}, 'insufficient_quota')],
    ['what the service does not want sent again', answered(500, { 'x-should-retry': 'false' })],
    ['a stop', new OpenAI.APIUserAbortError()],
    ['a mistake of ours', new TypeError('x is not a function')],
    ['nothing', undefined],
  ])('nothing after %s', (_, error) => {
    expect(retryPause(error, 0)).toBeUndefined()
  })
})

describe('the pause', () => {
  test.each([
    [0, 500],
    [1, 1000],
    [2, 2000],
    [4, 8000],
    [40, 8000],
  ])('after attempt %s is up to %s ms', (attempt, longest) => {
    const random = vi.spyOn(Math, 'random').mockReturnValue(0)
    expect(backoff(attempt)).toBe(longest)
    expect(retryPause(answered(500), attempt)).toBe(longest)
    random.mockReturnValue(1)
    expect(backoff(attempt)).toBe(longest * 0.75)
  })

  test('is what the service asks for', () => {
    vi.useFakeTimers({ now: new Date('2026-01-01T00:00:00Z') })
    expect(retryPause(answered(429, { 'retry-after-ms': '1500', 'retry-after': '9' }), 0)).toBe(1500)
    expect(retryPause(answered(429, { 'retry-after': '9' }), 0)).toBe(9000)
    expect(retryPause(answered(503, { 'retry-after': 'Thu, 01 Jan 2026 00:00:30 GMT' }), 0)).toBe(30_000)
  })

  test.each(['61', '3600', 'Fri, 02 Jan 2099 00:00:00 GMT'])('is none that nobody waits for: %s', (after) => {
    expect(retryPause(answered(429, { 'retry-after': after }), 0)).toBeUndefined()
  })

  test.each(['-1', 'soon', 'Thu, 01 Jan 1970 00:00:00 GMT'])('is our own instead of %s', (after) => {
    vi.spyOn(Math, 'random').mockReturnValue(0)
    expect(retryPause(answered(429, { 'retry-after': after }), 0)).toBe(500)
  })
})
