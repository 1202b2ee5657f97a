/** Processes that die, and processes that share a file. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import type { Place } from '../../src/protocol/offset.ts'
import { openSqlite } from '../../src/streams/sqlite/store.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import { temporaryFolder } from './harnesses.ts'

const FIXTURE = fileURLToPath(new URL('fixtures/append-until-killed.ts', import.meta.url))
const folder = temporaryFolder()
const children = new Set<ChildProcessByStdio<null, Readable, null>>()

afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
})
afterAll(() => folder.dispose())

interface Appender {
  readonly child: ChildProcessByStdio<null, Readable, null>
  /** Position and record of each acknowledged append; whole once `ended`. */
  readonly acknowledged: [position: number, record: string][]
  /** Resolves after so many acknowledgements. */
  reached(count: number): Promise<void>
  readonly ended: Promise<unknown>
}

function appender(path: string, name: string, epoch: number, count?: number): Appender {
  const args = [FIXTURE, path, name, String(epoch), ...(count === undefined ? [] : [String(count)])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  children.add(child)
  const acknowledged: [number, string][] = []
  const waiting: { count: number; resolve: () => void }[] = []
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    const space = line.indexOf(' ')
    const record = line.slice(space + 1)
    // What the kill cut off in the middle was acknowledged too, but is not known in full.
    if (record.endsWith('}')) acknowledged.push([Number(line.slice(0, space)), record])
    for (const waiter of waiting) if (acknowledged.length >= waiter.count) waiter.resolve()
  })
  const ended = Promise.all([once(lines, 'close'), once(child, 'close')]).then(() => children.delete(child))
  return {
    child,
    acknowledged,
    reached: (wanted) => new Promise((resolve) => waiting.push({ count: wanted, resolve })),
    ended,
  }
}

async function allRecords(store: StreamStore): Promise<string[]> {
  const records: string[] = []
  for (let after: Place = 'start'; ;) {
    const page = await store.read('stream', after)
    if (page.outcome !== 'page') throw new Error(page.outcome)
    expect(page.from.position).toBe(records.length)
    records.push(...(page.records as string[]))
    if (page.upToDate) return records
    after = page.next
  }
}

describe('a process that is killed while it appends', () => {
  it('leaves everything it acknowledged, once, and offsets without gaps', { timeout: 60_000 }, async () => {
    const path = join(folder.path, 'killed.db')
    const acknowledged: [number, string][] = []
    for (let epoch = 0; epoch < 6; epoch++) {
      const process_ = appender(path, 'killed', epoch)
      await process_.reached(1 + Math.floor(Math.random() * 800))
      process_.child.kill('SIGKILL')
      await process_.ended
      acknowledged.push(...process_.acknowledged)
    }
    const store = openSqlite(path)
    const records = await allRecords(store)
    for (const [position, record] of acknowledged) expect(records[position - 1]).toBe(record)
    expect(new Set(records).size).toBe(records.length)
    expect((await store.head('stream'))?.tail.position).toBe(records.length)
    // The producers' states are those of their last records: each can tell what was kept.
    for (let writer = 0; writer < 10; writer++) {
      const last = records.findLast((record) => record.includes(`"writer":${writer},"epoch":"5"`))
      const seq = last === undefined ? -1 : (JSON.parse(last) as { seq: number }).seq
      const producer = { id: `killed-${writer}`, epoch: 5, seq: seq + 1 }
      expect((await store.append('stream', { records: ['1'], producer })).outcome).toBe('appended')
      expect((await store.append('stream', { records: ['1'], producer })).outcome).toBe('duplicate')
    }
    await store.close()
  })
})

describe('two processes that append to one file', () => {
  it('write one log, and a watcher in a third sees it in order', { timeout: 60_000 }, async () => {
    const path = join(folder.path, 'shared.db')
    const store = openSqlite(path)
    await store.create('stream')
    const told: unknown[] = []
    const complete = Promise.withResolvers<void>()
    await store.watch('stream', (event) => {
      if (event.type !== 'append' || event.from.position !== told.length) complete.reject(new Error('a gap'))
      else told.push(...event.records)
      if (told.length === 1000) complete.resolve()
    })
    const processes = [appender(path, 'one', 0, 50), appender(path, 'two', 0, 50)]
    await Promise.all(processes.map(({ ended }) => ended))
    const records = await allRecords(store)
    expect(records).toHaveLength(1000)
    for (const { acknowledged } of processes) {
      expect(acknowledged).toHaveLength(500)
      for (const [position, record] of acknowledged) expect(records[position - 1]).toBe(record)
    }
    await complete.promise
    expect(told).toEqual(records)
    await store.close()
  })
})
