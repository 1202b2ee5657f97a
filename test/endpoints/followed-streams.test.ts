import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { created } from '../streams/created.ts'
import { START } from '../../src/protocol/offset.ts'
import { FollowedStreams } from '../../src/endpoints/followed-streams.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { memory } from '../../src/streams/memory/store.ts'
import type { StreamInfo } from '../../src/streams/stream.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const streamOf = (id: string, ttlMs?: number): StreamInfo => ({
  id,
  contentType: 'application/json',
  createdAt: 0,
  closed: false,
  incarnation: 'x',
  first: START,
  tail: START,
  ...(ttlMs !== undefined && { ttlMs }),
})

interface Setup {
  readonly followed: FollowedStreams
  /** Ids, with the time at which each was touched. */
  readonly touched: [string, number][]
}

function setUp(): Setup {
  const touched: [string, number][] = []
  const followed = new FollowedStreams({
    touch: async (id) => {
      touched.push([id, Date.now()])
      return true
    },
  })
  return { followed, touched }
}

it.each([200, 1000, 60_000, 3_600_000])('touches a stream with a TTL of %i ms well within it', (ttlMs) => {
  const { followed, touched } = setUp()
  const begin = Date.now()
  const release = followed.add(streamOf('s', ttlMs), silentLogger)
  vi.advanceTimersByTime(2 * ttlMs)
  const times = [begin, ...touched.map(([, at]) => at)]
  for (let n = 1; n < times.length; n++) expect(times[n]! - times[n - 1]!).toBeLessThan(ttlMs / 2)
  expect(touched.length).toBeGreaterThan(5)
  release()
  expect(vi.getTimerCount()).toBe(0)
})

it('touches a stream once for all its readers, until the last one goes', () => {
  const { followed, touched } = setUp()
  const releases = Array.from({ length: 100 }, () => followed.add(streamOf('s', 60_000), silentLogger))
  vi.advanceTimersByTime(20_000)
  expect(touched.map(([id]) => id)).toEqual(['s', 's'])
  for (const release of releases.slice(1)) {
    release()
    release()
  }
  vi.advanceTimersByTime(20_000)
  expect(touched).toHaveLength(4)
  releases[0]?.()
  expect(vi.getTimerCount()).toBe(0)
})

it('needs one clock for TTLs that are alike, and none for streams without one', () => {
  const { followed } = setUp()
  const releases = Array.from({ length: 1000 }, (_, n) =>
    followed.add(streamOf(`s-${n}`, 70_000 + n), silentLogger),
  )
  expect(vi.getTimerCount()).toBe(1)
  for (const release of releases) release()
  followed.add(streamOf('for good'), silentLogger)
  expect(vi.getTimerCount()).toBe(0)
})

it('goes on when a touch fails, and says so', async () => {
  const warn = vi.fn<() => void>()
  const touch = vi.fn<() => Promise<boolean>>(() => Promise.reject(new Error('away')))
  const release = new FollowedStreams({ touch }).add(streamOf('s', 60_000), { ...silentLogger, warn })
  await vi.advanceTimersByTimeAsync(40_000)
  release()
  expect(touch).toHaveBeenCalledTimes(4)
  expect(warn).toHaveBeenCalledTimes(4)
})

it('gives no sign of life for what took the id of a stream since', async () => {
  let now = 0
  const store = memory({ clock: () => now })
  const info = await created(store, 's', { ttlMs: 1000 })
  const followed = new FollowedStreams(store)
  await store.delete('s')
  await store.create('s', { ttlMs: 1000, owner: 'somebody else' })
  now = 500
  await followed.touch(info, silentLogger)
  expect((await store.head('s'))?.expiresAt).toBe(1000)
  await followed.touch((await store.head('s')) as StreamInfo, silentLogger)
  expect((await store.head('s'))?.expiresAt).toBe(1500)
})
