/** The pace of a script, by the waits it asks for: here a wait is written down instead of waited. */
import { beforeEach, expect, test, vi } from 'vitest'
import { scripted, demoNumbers } from '../../src/providers/scripted.ts'

const { log } = vi.hoisted(() => ({ log: [] as unknown[] }))

vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number) => {
    log.push(ms)
    return Promise.resolve()
  },
  setImmediate: () => {
    log.push('a turn')
    return Promise.resolve()
  },
}))

const { signal } = new AbortController()

beforeEach(() => {
  log.length = 0
})

async function play(events: AsyncIterable<unknown>): Promise<unknown[]> {
  for await (const event of events) log.push(event)
  return log
}

test('the interval, in seconds, follows each event, the last one too', async () => {
  expect(await play(scripted(['a', 'b'], { interval: 0.02 })({ signal }))).toEqual(['a', 20, 'b', 20])
})

test('without an interval the event loop gets a turn after each event', async () => {
  expect(await play(scripted(['a', 'b'])({ signal }))).toEqual(['a', 'a turn', 'b', 'a turn'])
})

test("the seed's numbers: ten, half a second apart", async () => {
  const expected = Array.from({ length: 10 }, (_, i) => [`Number ${i}`, 500])
  expect(await play(demoNumbers({ signal }))).toEqual(expected.flat())
})
