import { afterEach, describe, expect, test, vi } from 'vitest'
import { readPlace } from '../../../src/providers/openai/background-place.ts'
import { BackgroundProgress } from '../../../src/providers/openai/background-progress.ts'

afterEach(() => {
  vi.useRealTimers()
})

function created(number: number, status = 'queued') {
  return { type: 'response.created', sequence_number: number, response: { id: 'resp_1', status } }
}

function delta(number: number) {
  return { type: 'response.output_text.delta', sequence_number: number, delta: 'a' }
}

function keepalive(number?: number) {
  return { type: 'keepalive', ...(number !== undefined && { sequence_number: number }) }
}

/** The numbers that are passed on of what is sent. */
function passed(progress: BackgroundProgress, ...sent: object[]) {
  return sent.map((data) => progress.accept(data)?.sequence_number).filter((number) => number !== undefined)
}

describe('events', () => {
  test('are passed on once, whatever number a service begins with', () => {
    const progress = new BackgroundProgress(undefined, [])
    expect(passed(progress, created(1), created(1), delta(2), delta(1), delta(2), delta(3))).toEqual([
      1, 2, 3,
    ])
    expect(progress.id).toBe('resp_1')
    expect(progress.place).toEqual({ response: 'resp_1', after: 3 })
  })

  test('go on behind a place', () => {
    const progress = new BackgroundProgress({ response: 'resp_1', after: 7 }, [])
    expect(passed(progress, delta(6), delta(7), delta(8))).toEqual([8])
  })

  test('before which one is missing are refused, as long as it is missing', () => {
    const progress = new BackgroundProgress({ response: 'resp_1', after: 7 }, [])
    for (const number of [9, 2 ** 53 - 1]) {
      expect(() => progress.accept(delta(number))).toThrow('does not understand')
      expect(progress.gap).toMatchObject({
        code: 'bad_answer',
        detail: `event 8 is missing before event ${number}`,
      })
    }
    expect(progress.place?.after).toBe(7)
    expect(passed(progress, delta(8), delta(9))).toEqual([8, 9])
  })

  test('of a failed response tell the failure once they are passed on', () => {
    const progress = new BackgroundProgress(undefined, ['my secret'])
    progress.accept(created(0))
    expect(progress.failure).toBeUndefined()
    const error = { code: 'server_error', message: 'my secret is out' }
    progress.accept({ type: 'response.failed', sequence_number: 1, response: { status: 'failed', error } })
    expect(progress.failure).toMatchObject({ code: 'unavailable', detail: 'server_error, [redacted] is out' })
    expect(progress.place).toEqual({ response: 'resp_1', after: 1, ended: 'unavailable' })
    expect(new BackgroundProgress(progress.place, []).failure).toMatchObject({
      code: 'unavailable',
      detail: '',
    })
  })
})

describe('signs of life', () => {
  test('are not passed on, and are no gap', () => {
    const progress = new BackgroundProgress(undefined, [])
    expect(passed(progress, created(0), keepalive(1), keepalive(2), delta(3))).toEqual([0, 3])
    expect(passed(progress, keepalive(4), delta(4), keepalive(), delta(5))).toEqual([4, 5])
  })

  test('excuse no other number', () => {
    const progress = new BackgroundProgress(undefined, [])
    passed(progress, created(0), keepalive(1))
    expect(() => progress.accept(delta(3))).toThrow('does not understand')
    expect(progress.gap?.detail).toBe('event 2 is missing before event 3')
  })
})

describe('the queue', () => {
  test('is told from the first event in it to the first one behind it', () => {
    vi.useFakeTimers({ now: 1000 })
    const progress = new BackgroundProgress(undefined, [])
    progress.accept(created(0))
    expect(progress.place?.queuedAt).toBe(1000)
    vi.setSystemTime(5000)
    progress.accept({
      type: 'response.queued',
      sequence_number: 1,
      response: { id: 'resp_1', status: 'queued' },
    })
    expect(progress.place?.queuedAt).toBe(1000)
    progress.accept({ type: 'response.in_progress', sequence_number: 2, response: { id: 'resp_1' } })
    expect(progress.place).not.toHaveProperty('queuedAt')
  })

  test('is not entered by a response that begins at once', () => {
    const progress = new BackgroundProgress(undefined, [])
    progress.accept(created(0, 'in_progress'))
    expect(progress.place).toEqual({ response: 'resp_1', after: 0 })
  })
})

test.each([null, 7, [], { type: 'response.created' }, { type: 7, sequence_number: 0 }])(
  'what is no event of the background is refused: %j',
  (data) => {
    expect(() => new BackgroundProgress(undefined, []).accept(data)).toThrow('model service')
  },
)

test('a place is read back as it was kept', () => {
  for (const place of [
    { response: 'resp_1', after: 0 },
    { response: 'resp_1', after: 3, queuedAt: 1000 },
    { response: 'resp_1', after: 3, ended: 'whole' as const },
    { response: 'resp_1', after: 3, ended: 'cut' as const },
  ]) {
    expect(readPlace(place)).toEqual(place)
  }
  expect(readPlace(undefined)).toBeUndefined()
  expect(() => readPlace({ response: 'resp_1', after: 3, ended: 'toString' })).toThrow(
    /^resumeFrom is not a /,
  )
})
