/**
 * Appends in a process of its own. Each writer appends one record of 40 bytes after the other to its
 * own stream, as a producer, and waits for each answer.
 */
import { DatabaseSync } from 'node:sqlite'
import { memory } from '../../src/streams/memory/store.ts'
import { redis } from '../../src/streams/redis/open.ts'
import { openSqlite } from '../../src/streams/sqlite/store.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import { Latencies } from '../harness/latencies.ts'

export interface WriterArguments {
  readonly store: 'memory' | 'sqlite' | 'transactions' | 'redis'
  /** The file, or the URL. */
  readonly at: string
  readonly writers: number
  readonly seconds: number
}

export interface WriterReply {
  readonly type: 'appended'
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** Microseconds for each append. */
  readonly cpu: number
}

/** Appends the record with this seq to the stream of this writer; resolves when it is durable. */
type Append = (writer: number, seq: number) => Promise<unknown>

const RECORD = JSON.stringify({ type: 'delta', text: 'fourteen chars' })

const { store, at, writers, seconds } = JSON.parse(process.argv[2] ?? '{}') as WriterArguments

async function appender(): Promise<Append> {
  switch (store) {
    case 'memory':
      return await toStore(memory())
    case 'sqlite':
      return await toStore(openSqlite(at))
    case 'transactions':
      return transactionPerAppend(new DatabaseSync(at))
    case 'redis':
      return await toStore(redis({ url: at }))
  }
}

async function toStore(streams: StreamStore): Promise<Append> {
  for (let writer = 0; writer < writers; writer++) await streams.create(`stream-${writer}`)
  return async (writer, seq) => {
    const producer = { id: 'p', epoch: 0, seq }
    const result = await streams.append(`stream-${writer}`, { records: [RECORD], producer })
    if (result.outcome !== 'appended') throw new Error(result.outcome)
  }
}

/** The least a transaction per append can do: look at the producer, keep the record and its seq. */
function transactionPerAppend(db: DatabaseSync): Append {
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE records (stream INTEGER, position INTEGER, data, PRIMARY KEY (stream, position)) WITHOUT ROWID;
    CREATE TABLE producers (stream INTEGER PRIMARY KEY, seq INTEGER)`)
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  const select = db.prepare('SELECT seq FROM producers WHERE stream = ?')
  const insert = db.prepare('INSERT INTO records VALUES (?, ?, ?)')
  const upsert = db.prepare(
    'INSERT INTO producers VALUES (?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq',
  )
  return async (writer, seq) => {
    await new Promise((resolve) => setImmediate(resolve))
    begin.run()
    if ((select.get(writer)?.['seq'] ?? -1) !== seq - 1) throw new Error('gap')
    insert.run(writer, seq, RECORD)
    upsert.run(writer, seq)
    commit.run()
  }
}

async function measure(append: Append): Promise<WriterReply> {
  const latencies = new Latencies()
  let appended = 0
  const base = process.cpuUsage()
  const start = performance.now()
  const end = start + seconds * 1000
  const write = async (writer: number): Promise<void> => {
    for (let seq = 0, began = performance.now(); began < end; seq++) {
      await append(writer, seq)
      const done = performance.now()
      latencies.add((done - began) * 1000)
      appended++
      began = done
      // Nothing else in this process is served by a chain of promises: give the loop its turn.
      if (seq % 1000 === 999) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  const elapsed = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(base)
  return {
    type: 'appended',
    perSecond: appended / elapsed,
    p50: latencies.percentileMs(0.5),
    p99: latencies.percentileMs(0.99),
    cpu: (user + system) / appended,
  }
}

process.on('disconnect', () => process.exit(0))
process.send?.(await measure(await appender()))
