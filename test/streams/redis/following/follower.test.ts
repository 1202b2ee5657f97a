import { Buffer } from 'node:buffer'
import { expect, it } from 'vitest'
import { silentLogger } from '../../../../src/logging/logger.ts'
import type { Offset } from '../../../../src/protocol/offset.ts'
import { newState } from '../../../../src/streams/bookkeeping/bookkeeping.ts'
import { checkConfig } from '../../../../src/streams/bookkeeping/configurations.ts'
import type { CheckedConfig } from '../../../../src/streams/bookkeeping/configurations.ts'
import { MAX_LOOKS } from '../../../../src/streams/redis/following/catch-up.ts'
import { RedisFollower } from '../../../../src/streams/redis/following/follower.ts'
import type { ReadAnswer, RedisStreamTable } from '../../../../src/streams/redis/stream-table.ts'
import { DEFAULT_LIMITS } from '../../../../src/streams/bookkeeping/requests.ts'
import type { StreamEvent } from '../../../../src/streams/watching.ts'

type Answer = (read: ReadAnswer) => void

/** A follower of streams with one record, of the stamp 1; a test answers what it reads. */
function following(): {
  follower: RedisFollower
  reads: { place: Offset; answer: Answer }[]
  watch: (id?: string) => Promise<StreamEvent[]>
} {
  const reads: { place: Offset; answer: Answer }[] = []
  const at = { tail: 1, stamp: '1' }
  const config = checkConfig({}, DEFAULT_LIMITS) as CheckedConfig
  const state = { ...newState(config, 'incarnation', '1', 0), ...at }
  const table = {
    look: async () => state,
    read: (_: string, place: Offset) =>
      new Promise<ReadAnswer>((resolve) => reads.push({ place, answer: resolve })),
    cut: async () => undefined,
  }
  const follower: RedisFollower = new RedisFollower({
    table: table as unknown as RedisStreamTable,
    servers: { subscribe: (channel) => follower.onSubscribed(channel), unsubscribe: () => undefined },
    lists: { marker: async () => 'lists' },
    channelOf: (id) => id,
    logger: silentLogger,
    lossPatienceMs: 1000,
  })
  return {
    follower,
    reads,
    async watch(id = 'stream') {
      // Subscribed at once, as by a server that is asked.
      const events: StreamEvent[] = []
      await follower.watch(
        id,
        (event) => events.push(event),
        undefined,
        (waiting) => waiting,
      )
      return events
    },
  }
}

const message = (from: number, stamp: string, record: string): Buffer =>
  Buffer.from(`append incarnation ${from} ${from + 1} 0 ${stamp} json 0 ${record.length}\n${record}`)
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
/** The stamp of each record is its position. */
const offset = (position: number): Offset => ({ position, stamp: String(position) })

it('tells what it hears, and reads nothing', async () => {
  const { follower, reads, watch } = following()
  const events = await watch()
  follower.onMessage('stream', message(1, '2', '"2"'))
  await settled()
  expect(events).toMatchObject([{ records: ['"2"'], next: { position: 2 } }])
  expect(reads).toEqual([])
  follower.close()
})

it.each(['the connection that listens', 'the connection that asks'] as const)(
  'tells nothing of another history after %s was lost',
  async (which) => {
    const { follower, reads, watch } = following()
    const events = await watch()
    if (which === 'the connection that listens') follower.onSubscribed('stream')
    else follower.onReady()
    // The record of the stamp 1 is lost; others were written there, and behind it, by others and here.
    follower.onMessage('stream', message(1, '9', '"other"'))
    const own = {
      incarnation: 'incarnation',
      from: 2,
      next: 3,
      records: ['"own"'],
      closed: false,
      stamp: '10',
    }
    follower.tellOwn('stream', own)
    await settled()
    expect(events).toEqual([])
    expect(reads).toMatchObject([{ place: offset(1) }])
    reads[0]?.answer({ result: { outcome: 'lost' } })
    await settled()
    expect(events).toEqual([{ type: 'gone', reason: 'lost' }])
    follower.close()
  },
)

it('tells what it hears again when the history was found to be the same', async () => {
  const { follower, reads, watch } = following()
  const events = await watch()
  follower.onSubscribed('stream')
  follower.onMessage('stream', message(1, '2', '"2"'))
  const page = { outcome: 'page', records: ['"2"'], upToDate: true, closed: false } as const
  reads[0]?.answer({ result: { ...page, from: offset(1), next: offset(2) } })
  await settled()
  reads[1]?.answer({ result: { ...page, records: [], from: offset(2), next: offset(2) } })
  await settled()
  follower.onMessage('stream', message(2, '3', '"3"'))
  expect(events).toMatchObject([{ records: ['"2"'] }, { records: ['"3"'] }])
  expect(reads).toHaveLength(2)
  follower.close()
})

it('reads when it hears another record than it told at the same place', async () => {
  const { follower, reads, watch } = following()
  await watch()
  follower.onMessage('stream', message(0, '9', '"other"'))
  expect(reads).toHaveLength(1)
  follower.close()
})

it('reads a bounded number of streams at once, and all of them', async () => {
  const { follower, reads, watch } = following()
  const count = 10 * MAX_LOOKS
  for (let n = 0; n < count; n++) await watch(`stream-${n}`)
  for (let n = 0; n < count; n++) follower.onSubscribed(`stream-${n}`)
  for (let answered = 0; answered < count;) {
    await settled()
    expect(reads.length - answered).toBe(MAX_LOOKS)
    for (const { answer } of reads.slice(answered)) {
      const page = { outcome: 'page', records: [], upToDate: true, closed: false } as const
      answer({ result: { ...page, from: offset(1), next: offset(1) } })
      answered++
    }
  }
  follower.close()
})
