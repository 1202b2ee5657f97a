/**
 * Appends per second and their latency, by store and by number of concurrent writers, next to one
 * SQLite transaction per append in the same run. `node bench/streams.ts [seconds per line]`
 *
 * Each writer appends one record of 40 bytes to its own stream, as a producer, and waits for the
 * answer. Ratios hold from machine to machine, absolutes do not.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { memoryStreams } from '../src/streams/memory.ts'
import { sqliteStreams } from '../src/streams/sqlite.ts'
import type { StreamStore } from '../src/streams/store.ts'

/** Appends the record with this seq to the stream of this writer; resolves when it is durable. */
type Append = (writer: number, seq: number) => Promise<unknown>

const RECORD = JSON.stringify({ type: 'delta', text: 'fourteen chars' })
const WRITERS = [1, 100]
const seconds = Number(process.argv[2] ?? 2)
const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'))

interface Measured {
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p99: number
}

async function measure(writers: number, append: Append): Promise<Measured> {
  const latencies: number[] = []
  const start = performance.now()
  const end = start + seconds * 1000
  const write = async (writer: number): Promise<void> => {
    for (let seq = 0, began = performance.now(); began < end; seq++) {
      await append(writer, seq)
      const done = performance.now()
      latencies.push(done - began)
      began = done
      // Nothing else in this process is served by a chain of promises: give the loop its turn.
      if (seq % 1000 === 999) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)))
  const elapsed = (performance.now() - start) / 1000
  latencies.sort((a, b) => a - b)
  const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? 0
  return { perSecond: latencies.length / elapsed, p50: at(0.5), p99: at(0.99) }
}

async function storeAppend(store: StreamStore, writers: number): Promise<Append> {
  for (let writer = 0; writer < writers; writer++) await store.create(`stream-${writer}`)
  return async (writer, seq) => {
    const producer = { id: 'p', epoch: 0, seq }
    const result = await store.append(`stream-${writer}`, { records: [RECORD], producer })
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

async function line(name: string, writers: number, append: Append): Promise<Measured> {
  const measured = await measure(writers, append)
  const { perSecond, p50, p99 } = measured
  const cells = [
    name.padEnd(36),
    String(writers).padStart(8),
    Math.round(perSecond).toLocaleString('en').padStart(12),
  ]
  console.log(cells.join(''), p50.toFixed(2).padStart(9), p99.toFixed(2).padStart(9))
  return measured
}

console.log(`${'store'.padEnd(36)} writers   appends/s   p50 ms    p99 ms`)
try {
  for (const writers of WRITERS) {
    const memory = memoryStreams()
    await line('memory', writers, await storeAppend(memory, writers))
    await memory.close()

    const db = new DatabaseSync(join(folder, `baseline-${writers}.db`))
    const baseline = await line('SQLite, a transaction per append', writers, transactionPerAppend(db))
    db.close()

    const sqlite = sqliteStreams(join(folder, `store-${writers}.db`))
    const grouped = await line('SQLite, group commit', writers, await storeAppend(sqlite, writers))
    await sqlite.close()
    console.log(`  group commit: ${(grouped.perSecond / baseline.perSecond).toFixed(1)} times as many`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
