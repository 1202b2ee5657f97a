/** Real processes on one store, some of which are killed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Json } from '../../src/protocol/json.ts'
import { END_REASONS } from '../../src/runs/end-reasons.ts'
import { openStore } from '../../src/streams/open-store.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamRecord } from '../../src/streams/stream.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { Worker } from './worker-process.ts'

const COMPLETED = { end: { status: 'completed' } }
const STOPPED = { end: { status: 'stopped' } }
const INTERRUPTED = { end: { reason: 'interrupted', ...END_REASONS.interrupted } }

let folder: string
/** The store, as `openStore` takes it. */
let place: string
let store: StreamStore
const workers = new Set<Worker>()

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-processes-'))
})

afterEach(async () => {
  await Promise.all([...workers].map((worker) => worker.kill()))
  workers.clear()
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

/** One that is killed when the test ends. */
async function startWorker(): Promise<Worker> {
  const worker = new Worker(place)
  workers.add(worker)
  await worker.ready
  return worker
}

/** Every record of a stream as it comes, from the first on, and behind them `{ end }`. */
class Reader {
  readonly records: Json[] = []
  #closed = false
  #changed = Promise.withResolvers<void>()

  static async of(id: string): Promise<Reader> {
    const reader = new Reader()
    const watch = await store.watch(id, (event) => {
      if (event.type === 'append') reader.#take(event.records, event)
    })
    if (watch.outcome !== 'watching') throw new Error(`${id} is missing`)
    let place: Parameters<StreamStore['read']>[1] = 'start'
    const past: StreamRecord[] = []
    // What was told meanwhile lies behind the tail of the watch.
    for (let left = watch.tail.position; left > 0;) {
      const page = await store.read(id, place, { maxRecords: Math.min(left, 1000) })
      if (page.outcome !== 'page') throw new Error(page.outcome)
      past.push(...page.records)
      left -= page.records.length
      place = page.next
    }
    reader.records.unshift(...past.map((record) => JSON.parse(record as string) as Json))
    if (watch.closed) reader.#take([], watch)
    return reader
  }

  async reaches(count: number): Promise<void> {
    while (this.records.length < count) await this.#changed.promise
  }

  async ends(): Promise<void> {
    while (!this.#closed) await this.#changed.promise
  }

  #take(
    records: readonly StreamRecord[],
    { closed, end }: { closed: boolean; end?: Json | undefined },
  ): void {
    this.records.push(...records.map((record) => JSON.parse(record as string) as Json))
    if (closed) this.records.push({ end: end ?? null })
    this.#closed ||= closed
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}

const numbers = (to: number): number[] => Array.from({ length: to }, (_, n) => n + 1)
const counting = (to: number, checkpointEvery = 1) => ({
  kind: 'count',
  input: { to, paceMs: 2, checkpointEvery },
})

/** @param newPlace of a store that nobody used. */
function itRunsInSeveralProcesses(newPlace: () => string): void {
  beforeEach(() => {
    place = newPlace()
    store = openStore(place)
  })

  it('go on from the exact record after kill -9', async () => {
    const [first] = [await startWorker(), await startWorker()]
    const id = (await first.do({ do: 'start', request: counting(300) })) as string
    const reader = await Reader.of(id)
    await reader.reaches(100)
    await first.kill()
    await reader.ends()
    expect(reader.records).toEqual([...numbers(300), COMPLETED])
  })

  it('survive that each process is killed, one after the other', async () => {
    const starter = await startWorker()
    const every = [1, 7, 1000]
    const ids: string[] = []
    for (const checkpoint of every) {
      ids.push((await starter.do({ do: 'start', request: counting(400, checkpoint) })) as string)
    }
    const readers = await Promise.all(ids.map((id) => Reader.of(id)))
    let worker = starter
    for (const records of [50, 120, 190, 260, 330]) {
      await Promise.all(readers.map((reader) => reader.reaches(records)))
      await worker.kill()
      worker = await startWorker()
    }
    await Promise.all(readers.map((reader) => reader.ends()))
    for (const reader of readers) expect(reader.records).toEqual([...numbers(400), COMPLETED])
    // The one that begins anew each time cannot have ended before the last of them was killed.
    expect((await store.head(ids[2] as string))?.metadata).toMatchObject({ run: { attempt: 6 } })
  })

  it('that nobody else can go on with end as interrupted', async () => {
    const [first] = [await startWorker(), await startWorker()]
    const id = (await first.do({ do: 'start-ad-hoc', request: {} })) as string
    const reader = await Reader.of(id)
    await reader.reaches(20)
    await first.kill()
    await reader.ends()
    const kept = reader.records.slice(0, -1)
    expect(kept).toEqual(numbers(kept.length))
    expect(reader.records.at(-1)).toEqual(INTERRUPTED)
  })

  it('are stopped from any of them, and keep what came', async () => {
    const [first, second] = [await startWorker(), await startWorker()]
    const id = (await first.do({ do: 'start', request: counting(1e9) })) as string
    const reader = await Reader.of(id)
    await reader.reaches(20)
    expect(await second.do({ do: 'stop', id })).toEqual({ status: 'stopped' })
    await reader.ends()
    const kept = reader.records.slice(0, -1)
    expect(kept).toEqual(numbers(kept.length))
    expect(reader.records.at(-1)).toEqual(STOPPED)
  })

  it('are stopped although their process dies over it', async () => {
    const [first, second] = [await startWorker(), await startWorker()]
    const id = (await first.do({ do: 'start', request: counting(1e9) })) as string
    const reader = await Reader.of(id)
    await reader.reaches(20)
    first.signal('SIGSTOP')
    const stopping = second.do({ do: 'stop', id })
    await first.kill()
    expect(await stopping).toEqual({ status: 'stopped' })
    await reader.ends()
    expect(reader.records.at(-1)).toEqual(STOPPED)
  })

  it('are not touched any more by a process that stood still and wakes up', async () => {
    const [zombie] = [await startWorker(), await startWorker()]
    const id = (await zombie.do({ do: 'start', request: counting(400) })) as string
    const reader = await Reader.of(id)
    await reader.reaches(50)
    const wakeUp = join(folder, 'wake-up')
    const awake = zombie.do({ do: 'stand-still', until: wakeUp })
    const there = reader.records.length
    await reader.reaches(there + 100)
    writeFileSync(wakeUp, '')
    await awake
    await reader.ends()
    expect(reader.records).toEqual([...numbers(400), COMPLETED])
    // It is well, and works on.
    const next = (await zombie.do({ do: 'start', request: counting(5) })) as string
    const nextReader = await Reader.of(next)
    await nextReader.ends()
    expect(nextReader.records).toEqual([...numbers(5), COMPLETED])
  })

  it('are handed over by a process that shuts down, which then ends by itself', async () => {
    const [first] = [await startWorker(), await startWorker()]
    const id = (await first.do({ do: 'start', request: counting(200) })) as string
    const reader = await Reader.of(id)
    await reader.reaches(50)
    void first.do({ do: 'close' })
    await first.exited
    await reader.ends()
    expect(reader.records).toEqual([...numbers(200), COMPLETED])
  })

  it('started with the same id at once are one', async () => {
    const both = [await startWorker(), await startWorker()]
    const request = { id: 'same', ...counting(30) }
    const ids = await Promise.all(
      Array.from({ length: 20 }, (_, n) => both[n % 2]!.do({ do: 'start', request })),
    )
    expect(new Set(ids)).toEqual(new Set(['same']))
    const reader = await Reader.of('same')
    await reader.ends()
    expect(reader.records).toEqual([...numbers(30), COMPLETED])
  })
}

describe('runs in several processes on one SQLite file', { timeout: 60_000 }, () => {
  itRunsInSeveralProcesses(() => join(folder, 'streams.db'))
})

describeWith(['redis'], 'runs in several processes', ({ redis }) => {
  describe('on one Redis', { timeout: 60_000 }, () => {
    let server: RedisServer
    let databases = 0

    beforeAll(async () => {
      server = await RedisServer.start(redis, { persistent: true })
    })

    afterAll(() => server.stop())

    itRunsInSeveralProcesses(() => `${server.url}/${databases++}`)

    it('go on when Redis is killed and started again, and nobody reads anything twice', async () => {
      const [first, second] = [await startWorker(), await startWorker()]
      const ids = await Promise.all(
        [first, second].map((worker) => worker.do({ do: 'start', request: counting(300) })),
      )
      const readers = await Promise.all(ids.map((id) => Reader.of(id as string)))
      for (const records of [50, 150]) {
        await Promise.all(readers.map((reader) => reader.reaches(records)))
        await server.kill()
        await server.run()
      }
      await Promise.all(readers.map((reader) => reader.ends()))
      for (const reader of readers) expect(reader.records).toEqual([...numbers(300), COMPLETED])
    })
  })
})
