/** Does what often happens with a store of many streams, in a process of its own, and says what it costs. */
import { once } from 'node:events'
import { memory } from '../../src/streams/memory/store.ts'
import { redis } from '../../src/streams/redis/open.ts'
import { openSqlite } from '../../src/streams/sqlite/store.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import { Runs } from '../../src/runs/runs.ts'
import { cpuMicrosOf } from '../harness/processor-time.ts'

export interface ScaleArguments {
  readonly store: 'memory' | 'sqlite' | 'redis'
  /** The file, or the URL. */
  readonly at: string
  readonly streams: number
  /** The id of the process of Redis. */
  readonly server?: number
}

export interface ScaleReply {
  readonly type: 'acted'
  /** Microseconds of CPU time each. */
  readonly start: number
  readonly look: number
  /** None for a store of one process. */
  readonly append: number | undefined
}

const OWNER = 'owner'
const TIMES = 100
/** Calls under way at a time, while streams are made. */
const AT_ONCE = 500
const EVERY_LEASED = 100

const { store: kind, at, streams, server } = JSON.parse(process.argv[2] ?? '{}') as ScaleArguments

function open(): StreamStore {
  switch (kind) {
    case 'memory':
      return memory()
    case 'sqlite':
      return openSqlite(at)
    case 'redis':
      return redis({ url: at })
  }
}

async function forEach(act: (n: number) => Promise<unknown>): Promise<void> {
  for (let n = 0; n < streams; n += AT_ONCE) {
    const some = Math.min(AT_ONCE, streams - n)
    await Promise.all(Array.from({ length: some }, (_, i) => act(n + i)))
  }
}

async function create(store: StreamStore): Promise<void> {
  const lease = { holder: 'somebody', ttlMs: 3_600_000 }
  await forEach((n) =>
    store.create(`stream-${n}`, {
      records: ['{"text":"a record"}'],
      ...(n % EVERY_LEASED === 2
        ? { owner: `owner-${n}`, lease }
        : { owner: OWNER, closed: n % EVERY_LEASED !== 0 }),
    }),
  )
}

/** Microseconds of each of some, once the code is warm. */
async function costOf(act: () => Promise<unknown>): Promise<number> {
  const used = (): number => cpuMicrosOf(process.pid) + (server === undefined ? 0 : cpuMicrosOf(server))
  for (let n = 0; n < TIMES / 2; n++) await act()
  const base = used()
  for (let n = 0; n < TIMES; n++) await act()
  return (used() - base) / TIMES
}

async function startsOn(store: StreamStore): Promise<number> {
  const runs = new Runs({ store })
  const cost = await costOf(async () => {
    const run = await runs.start({ owner: OWNER }, async function* () {
      yield { text: 'a record' }
    })
    await run.end
  })
  await runs.close()
  return cost
}

/** Appends through one store to a stream that is neither leased nor closed, until another one tells of it. */
async function foreignAppends(store: StreamStore): Promise<number> {
  const told = new EventTarget()
  await forEach((n) => store.watch(`stream-${n}`, () => told.dispatchEvent(new Event('told'))))
  const other = open()
  const cost = await costOf(async () => {
    const heard = once(told, 'told')
    await other.append('stream-0', { records: ['{"text":"a record"}'] })
    await heard
  })
  await other.close()
  return cost
}

async function act(): Promise<ScaleReply> {
  const store = open()
  await create(store)
  const start = await startsOn(store)
  const look = await costOf(() => store.leases.expired())
  const append = kind === 'memory' ? undefined : await foreignAppends(store)
  await store.close()
  return { type: 'acted', start, look, append }
}

process.on('disconnect', () => process.exit(0))
process.send?.(await act())
