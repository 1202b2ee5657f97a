import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LogWriter } from '../../../src/runs/log/log-writer.ts'
import type { LogWriterOptions, WriteRefusal } from '../../../src/runs/log/log-writer.ts'
import { StoreError } from '../../../src/streams/errors.ts'
import type { StoreErrorCode } from '../../../src/streams/errors.ts'
import { LEASE_PRODUCER } from '../../../src/streams/leases.ts'
import { memory } from '../../../src/streams/memory/store.ts'
import type { StreamStoreOptions } from '../../../src/streams/options.ts'
import type { AppendRequest, StreamStore } from '../../../src/streams/store.ts'
import { InterposedStore } from '../interposed-store.ts'
import { RecordingLogger } from '../recording-logger.ts'
import { useFakeTime } from '../world.ts'

/** A closing record. */
const LAST = '"end"'
const END = { records: [LAST], end: 'done', metadata: null }

beforeEach(useFakeTime)
afterEach(() => {
  vi.useRealTimers()
})

async function writing(given: Partial<LogWriterOptions> = {}, options: StreamStoreOptions = {}) {
  const inner = memory(options)
  const hand = new InterposedStore(inner)
  const created = await inner.create('r', { lease: { holder: 'h', ttlMs: 1000 } })
  if (created.outcome !== 'created' || !created.lease) throw new Error(created.outcome)
  const refusals: WriteRefusal[] = []
  const logger = new RecordingLogger()
  const writer = new LogWriter({
    store: hand.store,
    lease: created.lease,
    logger,
    highWaterMark: 1000,
    patienceMs: 10_000,
    onRefused: (refusal) => refusals.push(refusal),
    ...given,
  })
  const push = (...records: readonly string[]): void => {
    for (const record of records) writer.push(record, record.length, undefined)
  }
  const batches = (): readonly (readonly unknown[])[] =>
    hand.calls.flatMap(({ method, args }) =>
      method === 'append' ? [(args[1] as AppendRequest).records ?? []] : [],
    )
  const kept = async (): Promise<readonly unknown[]> => {
    const page = await inner.read('r', 'start')
    return page.outcome === 'page' ? page.records : []
  }
  return {
    inner,
    hand,
    writer,
    refusals,
    logger,
    push,
    batches,
    kept,
  }
}

/** It took the lease over, and ended the run. */
async function closeAsAnother(store: StreamStore): Promise<void> {
  vi.advanceTimersByTime(1001)
  const taken = await store.leases.acquire('r', { holder: 'other', ttlMs: 1000 })
  if (taken.outcome !== 'acquired') throw new Error(taken.outcome)
  await store.append('r', {
    close: true,
    producer: { id: LEASE_PRODUCER, epoch: taken.lease.epoch, seq: 0 },
  })
}

async function pass(milliseconds: number): Promise<void> {
  for (let left = milliseconds; left > 0; left -= 50) {
    await turn()
    vi.advanceTimersByTime(50)
    await turn()
  }
}

describe('the writer of a log', () => {
  it('sends the first record at once, and what comes meanwhile together', async () => {
    const { hand, writer, push, batches, kept } = await writing()
    const thaw = hand.freeze()
    push('1')
    expect(batches()).toEqual([['1']])
    push('2', '3', '4')
    expect(batches()).toEqual([['1']])
    thaw()
    expect(await writer.flush()).toBeUndefined()
    expect(batches()).toEqual([['1'], ['2', '3', '4']])
    expect(await kept()).toEqual(['1', '2', '3', '4'])
  })

  it('sends closing records and the end with what waits, and closes in that step', async () => {
    const { hand, inner, writer, push, batches } = await writing()
    const thaw = hand.freeze()
    push('1', '2')
    const finished = writer.finish(() => ({ ...END, metadata: { done: true } }))
    push('too late')
    thaw()
    expect(await finished).toBe('ended')
    expect(batches()).toEqual([['1'], ['2', LAST]])
    expect(await inner.head('r')).toMatchObject({ closed: true, end: 'done', metadata: { done: true } })
  })

  it('closes with the end alone where there are no closing records', async () => {
    const { inner, writer, push, batches } = await writing()
    push('1')
    await writer.flush()
    expect(await writer.finish(() => ({ ...END, records: [] }))).toBe('ended')
    expect(batches()).toEqual([['1'], []])
    expect(await inner.head('r')).toMatchObject({ closed: true, end: 'done', tail: { position: 1 } })
  })

  it('has no room while as many bytes wait as may', async () => {
    const { hand, writer, push } = await writing({ highWaterMark: 4 })
    const thaw = hand.freeze()
    push('1')
    expect(writer.room()).toBeUndefined()
    push('234')
    expect(writer.room()).toBeUndefined()
    push('5')
    let room = false
    const waiting = writer.room()?.then(() => (room = true))
    await turn()
    expect(room).toBe(false)
    thaw()
    await waiting
    expect(room).toBe(true)
    expect(writer.room()).toBeUndefined()
  })

  it('stays within what an append may hold', async () => {
    const limits = { appendRecords: 3, appendBytes: 20, recordBytes: 10 }
    const { hand, writer, push, batches, kept } = await writing({}, { limits })
    const thaw = hand.freeze()
    push('1')
    push('2', '3', '4')
    expect(writer.room()).toBeDefined()
    const finished = writer.finish(() => END)
    thaw()
    expect(await finished).toBe('ended')
    expect(batches()).toEqual([['1'], ['2', '3', '4'], [LAST]])
    expect(await kept()).toEqual(['1', '2', '3', '4', LAST])
  })

  it('stays within it by bytes as well', async () => {
    const limits = { appendRecords: 100, appendBytes: 12, recordBytes: 10 }
    const { hand, writer, push, batches } = await writing({}, { limits })
    const thaw = hand.freeze()
    push('"12345678"')
    push('1', '2')
    expect(writer.room()).toBeDefined()
    push('"1234567"')
    const finished = writer.finish(() => END)
    thaw()
    expect(await finished).toBe('ended')
    expect(batches()).toEqual([['"12345678"'], ['1', '2', '"1234567"'], [LAST]])
  })

  it('takes a checkpoint along with the record that it covers, and not before', async () => {
    const { hand, inner, writer, push } = await writing()
    const thaw = hand.freeze()
    push('1')
    writer.push('2', 1, 'after 2')
    writer.push('3', 1, 'after 3')
    thaw()
    await turn()
    await writer.flush()
    push('4')
    await writer.flush()
    const checkpoints = hand.calls.map(({ args }) => (args[1] as AppendRequest).checkpoint)
    expect(checkpoints).toEqual([undefined, 'after 3', undefined])
    expect(await inner.head('r')).toMatchObject({ checkpoint: 'after 3', tail: { position: 4 } })
  })

  it.each<StoreErrorCode>(['full', 'locked', 'unavailable'])(
    'sends an append again when the store is %s, and keeps it once',
    async (code) => {
      const { hand, writer, push, kept, batches, refusals } = await writing()
      let failures = 0
      hand.around = async (_method, call) => {
        if (failures++ >= 4) return call()
        // Kept, though the answer is lost.
        if (failures === 2) await call()
        throw new StoreError(code, code)
      }
      push('1', '2')
      const flushed = writer.flush()
      await pass(5000)
      expect(await flushed).toBeUndefined()
      expect(await kept()).toEqual(['1', '2'])
      expect(batches()).toEqual([['1'], ['1'], ['1'], ['1'], ['1'], ['2']])
      expect(refusals).toEqual([])
    },
  )

  it.each<StoreErrorCode>(['read_only', 'corrupt', 'io', 'closed', 'failed'])(
    'does not wait for a store that is %s',
    async (code) => {
      const { hand, writer, push, refusals, batches } = await writing()
      hand.around = async () => {
        throw new StoreError(code, code)
      }
      push('1', '2')
      expect(await writer.flush()).toBe('unwritable')
      expect(refusals).toEqual(['unwritable'])
      expect(batches()).toEqual([['1']])
    },
  )

  it('is patient for as long as it was told, and then tries the last record alone', async () => {
    const { hand, writer, push, refusals, kept, logger } = await writing({ patienceMs: 3000 })
    let full = true
    hand.around = async (_method, call) => {
      if (full) throw new StoreError('full', 'full')
      return call()
    }
    push('1', '2')
    await pass(2900)
    expect(refusals).toEqual([])
    await pass(2000)
    expect(refusals).toEqual(['unwritable'])
    expect(logger.messages('error')).toEqual(['records of a run could not be written'])
    full = false
    expect(await writer.finish(() => END)).toBe('ended')
    expect(await kept()).toEqual([LAST])
  })

  it('tries the last record once, behind records that it gave up', async () => {
    const { hand, writer, push, batches } = await writing({ patienceMs: 3000 })
    hand.around = async () => {
      throw new StoreError('full', 'full')
    }
    push('1')
    await pass(5000)
    const tried = batches().length
    // In no time.
    expect(await writer.finish(() => END)).toBe('unwritable')
    expect(batches().slice(tried)).toEqual([[LAST]])
  })

  it('finishes behind an append that seemed to fail and was kept', async () => {
    const { hand, writer, push, kept } = await writing()
    hand.around = async (_method, call) => {
      await call()
      throw new StoreError('io', 'io')
    }
    push('1')
    expect(await writer.flush()).toBe('unwritable')
    hand.around = (_method, call) => call()
    expect(await writer.finish(() => END)).toBe('ended')
    expect(await kept()).toEqual(['1', LAST])
  })

  it.each([
    ['is under way', ['1', '2'], ['1']],
    ['has no room for the last one', ['1', '2', '3', '4'], ['2', '3', '4']],
  ])('ends otherwise, when the append is refused that %s', async (_when, pushed, refused) => {
    const limits = { appendRecords: 3, appendBytes: 20, recordBytes: 10 }
    const { inner, hand, writer, push, kept } = await writing({}, { limits })
    const thawed = Promise.withResolvers<void>()
    hand.around = async (_method, call, args) => {
      await thawed.promise
      const { records } = args[1] as AppendRequest
      if (JSON.stringify(records) === JSON.stringify(refused)) throw new StoreError('io', 'io')
      return call()
    }
    push(...pushed)
    const finished = writer.finish((isLossy) => (isLossy ? { ...END, end: 'lost' } : END))
    thawed.resolve()
    expect(await finished).toBe('ended')
    expect((await kept()).at(-1)).toBe(LAST)
    expect(await inner.head('r')).toMatchObject({ closed: true, end: 'lost' })
  })

  it('finishes once, when the answer to that is lost', async () => {
    const { hand, writer, kept } = await writing()
    let lost = false
    hand.around = async (_method, call) => {
      const result = await call()
      if (lost) return result
      lost = true
      throw new StoreError('unavailable', 'unavailable')
    }
    const finished = writer.finish(() => END)
    await pass(500)
    expect(await finished).toBe('ended')
    expect(await kept()).toEqual([LAST])
  })

  it('says that it could not finish', async () => {
    const { hand, writer } = await writing({ patienceMs: 1000 })
    hand.around = async () => {
      throw new StoreError('full', 'full')
    }
    const finished = writer.finish(() => END)
    await pass(3000)
    expect(await finished).toBe('unwritable')
  })

  it('waits for no store when it is in a hurry', async () => {
    const { hand, writer, push } = await writing({ patienceMs: 3_600_000 })
    hand.around = async () => {
      throw new StoreError('unavailable', 'unavailable')
    }
    push('1')
    await pass(1000)
    writer.hurry()
    expect(await writer.flush()).toBe('unwritable')
    expect(await writer.finish(() => END)).toBe('unwritable')
  })

  it.each<[WriteRefusal, (store: InterposedStore['store']) => Promise<unknown>]>([
    ['gone', (store) => store.delete('r')],
    ['closed', closeAsAnother],
    [
      'moved',
      async (store) => {
        vi.advanceTimersByTime(1001)
        await store.leases.acquire('r', { holder: 'other', ttlMs: 1000 })
      },
    ],
  ])('is refused as %s, and writes nothing more', async (refusal, happen) => {
    const { inner, writer, push, refusals, batches } = await writing()
    await happen(inner)
    push('1', '2')
    expect(await writer.flush()).toBe(refusal)
    push('3')
    expect(writer.room()).toBeUndefined()
    expect(await writer.finish(() => END)).toBe(refusal)
    expect(refusals).toEqual([refusal])
    expect(batches()).toEqual([['1']])
  })

  it.each<[WriteRefusal, (store: InterposedStore['store']) => Promise<unknown>]>([
    ['gone', (store) => store.delete('r')],
    ['closed', closeAsAnother],
  ])('cannot finish what is %s', async (refusal, happen) => {
    const { inner, writer } = await writing()
    await happen(inner)
    expect(await writer.finish(() => END)).toBe(refusal)
  })

  it('does not go on over a hole, when the store has lost what it had kept', async () => {
    const { hand, writer, push, kept, refusals } = await writing()
    hand.around = async (_method, call) => {
      hand.around = (_m, next) => next()
      void call
      return { outcome: 'appended', offset: { incarnation: 'x', position: 1 }, closed: false }
    }
    push('1', '2')
    expect(await writer.flush()).toBe('unwritable')
    expect(refusals).toEqual(['unwritable'])
    expect(await writer.finish(() => END)).toBe('ended')
    expect(await kept()).toEqual([LAST])
  })

  it('holds what comes once it is told to, and writes it with the end', async () => {
    const { writer, push, kept } = await writing()
    push('1')
    writer.hold()
    push('2', '3')
    expect(await writer.flush()).toBeUndefined()
    expect(await kept()).toEqual(['1'])
    expect(await writer.finish(() => END)).toBe('ended')
    expect(await kept()).toEqual(['1', '2', '3', LAST])
  })

  it('writes the metadata alone when it is told to', async () => {
    const { inner, writer, kept } = await writing()
    expect(await writer.note({ metadata: { attempt: 2 } })).toBeUndefined()
    expect((await inner.head('r'))?.metadata).toEqual({ attempt: 2 })
    expect(await kept()).toEqual([])
    await inner.delete('r')
    expect(await writer.note({ metadata: null })).toBe('gone')
  })
})
