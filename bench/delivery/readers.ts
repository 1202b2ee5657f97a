/** Many lean readers, in a process of their own. */
import { Latencies } from '../harness/latencies.ts'
import type { Dialect } from './dialect.ts'
import { LeanReader } from './lean-reader.ts'

export interface ReadersArguments {
  readonly port: number
  readonly dialect: Dialect
  readonly path?: string
  readonly streams: number
  /** Readers in all processes; this one has those whose number leaves `part` when divided by `parts`. */
  readonly readers: number
  readonly part: number
  readonly parts: number
}

export type ReadersRequest =
  /** Forgets what was timed and counted, and begins to count the time of the processor. */
  | { readonly type: 'reset' }
  /** Answered with `done` when every reader has so many records. */
  | { readonly type: 'expect'; readonly records: number }
  | { readonly type: 'collect' }
  /** Reads the first stream to this many records, so many times, one after the other. */
  | { readonly type: 'join'; readonly records: number; readonly times: number }

export interface Join {
  readonly ms: number
  readonly frames: number
  readonly bytes: number
}

export type ReadersReply =
  | { readonly type: 'ready' }
  | { readonly type: 'done' }
  /** `load`: the share of one core that these readers took. */
  | {
      readonly type: 'collected'
      readonly counts: Uint32Array
      readonly load: number
      readonly records: number
    }
  | { readonly type: 'joined'; readonly joins: readonly Join[] }

/** In all processes, about. */
const TIMED = 40
/** Connections that are opened at a time. */
const OPENING = 100

const given = JSON.parse(process.argv[2] ?? '{}') as ReadersArguments
const { port, dialect, path, streams } = given
const timedEvery = Math.max(1, Math.floor(given.readers / TIMED))
const reply = (message: ReadersReply): void => void process.send?.(message)

const readers: LeanReader[] = []
const latencies = new Latencies()
const waiting = new Set<LeanReader>()
let base = process.cpuUsage()
let begun = performance.now()
let expected = Number.POSITIVE_INFINITY
let before = 0

function onRecords(reader: LeanReader): void {
  if (reader.records < expected || !waiting.delete(reader)) return
  if (waiting.size === 0) reply({ type: 'done' })
}

function expect(records: number): void {
  expected = records
  waiting.clear()
  for (const reader of readers) if (reader.records < records) waiting.add(reader)
  if (waiting.size === 0) reply({ type: 'done' })
}

function collect(): void {
  const { user, system } = process.cpuUsage(base)
  const load = (user + system) / 1000 / (performance.now() - begun)
  reply({ type: 'collected', counts: latencies.counts, load, records: recordsOfAll() - before })
}

function recordsOfAll(): number {
  return readers.reduce((sum, reader) => sum + reader.records, 0)
}

async function join(records: number, times: number): Promise<void> {
  const joins: Join[] = []
  for (let n = 0; n < times; n++) {
    const started = performance.now()
    const { promise, resolve } = Promise.withResolvers<LeanReader>()
    const reader = new LeanReader({
      port,
      dialect,
      stream: 's0',
      onRecords: (self) => void (self.records >= records && resolve(self)),
    })
    await promise
    joins.push({ ms: performance.now() - started, frames: reader.frames, bytes: reader.bytes })
    reader.close()
  }
  reply({ type: 'joined', joins })
}

process.on('message', (request: ReadersRequest) => {
  switch (request.type) {
    case 'reset':
      latencies.clear()
      before = recordsOfAll()
      base = process.cpuUsage()
      begun = performance.now()
      return
    case 'expect':
      return expect(request.records)
    case 'collect':
      return collect()
    case 'join':
      return void join(request.records, request.times)
  }
})
process.on('disconnect', () => process.exit(0))

for (let n = given.part; n < given.readers; n += given.parts) {
  const reader = new LeanReader({
    port,
    dialect,
    stream: `s${n % streams}`,
    ...(path !== undefined && { path }),
    latencies: n % timedEvery === 0 ? latencies : undefined,
    onRecords,
  })
  readers.push(reader)
  if (readers.length % OPENING === 0) await Promise.all(readers.slice(-OPENING).map(({ ready }) => ready))
}
await Promise.all(readers.map(({ ready }) => ready))
reply({ type: 'ready' })
