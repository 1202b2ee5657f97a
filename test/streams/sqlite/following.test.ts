import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { openSqlite } from '../../../src/streams/sqlite/store.ts'
import type { StreamStore } from '../../../src/streams/store.ts'
import { temporaryFolder } from '../harnesses.ts'

const folder = temporaryFolder()
afterAll(() => folder.dispose())

let files = 0
let path: string
let db: DatabaseSync
let store: StreamStore
const told: unknown[] = []
beforeEach(async () => {
  path = join(folder.path, `${++files}.db`)
  store = open()
  await store.create('stream')
  db = new DatabaseSync(path)
  onTestFinished(() => db.close())
  told.length = 0
  await store.watch('stream', (event) => event.type === 'append' && told.push(...event.records))
})

function open(): StreamStore {
  const opened = openSqlite(path, { followInterval: 0.001 })
  onTestFinished(() => opened.close())
  return opened
}

const rowsOf = (table: string): number =>
  Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n'])
const append = (to: StreamStore, record: string): Promise<unknown> =>
  to.append('stream', { records: [record] })
const untilTold = (...records: string[]): Promise<void> => vi.waitFor(() => expect(told).toEqual(records))
const untilFollowed = (count: number): Promise<void> =>
  vi.waitFor(() => expect(rowsOf('followers')).toBe(count))

it('costs a process by itself no row of the log of changes', async () => {
  for (const record of ['1', '2']) await append(store, record)
  expect(told).toEqual(['1', '2'])
  expect([rowsOf('changes'), rowsOf('followers')]).toEqual([0, 0])
})

it('begins with the first change of another process, which writes the log from then on', async () => {
  const peer = open()
  await append(peer, '1')
  await untilTold('1')
  await untilFollowed(1)
  await append(peer, '2')
  await untilTold('1', '2')
  expect(rowsOf('changes')).toBe(1)
  // Nobody follows what this one writes.
  await append(store, '3')
  expect(rowsOf('changes')).toBe(1)
})

it('misses nothing when it was taken for gone', async () => {
  const peer = open()
  await append(peer, '1')
  await untilFollowed(1)
  db.exec('DELETE FROM followers')
  await append(peer, '2')
  await untilTold('1', '2')
  await append(peer, '3')
  await untilTold('1', '2', '3')
  expect(rowsOf('changes')).toBe(0)
})

it('goes on without the log where it cannot join', async () => {
  const peer = open()
  db.exec(`CREATE TRIGGER refuse BEFORE INSERT ON followers BEGIN SELECT RAISE(ABORT, 'no'); END`)
  for (const record of ['1', '2']) await append(peer, record)
  await untilTold('1', '2')
  await append(peer, '3')
  await untilTold('1', '2', '3')
  expect(rowsOf('followers')).toBe(0)
})

it('ends with the store', async () => {
  const peer = open()
  await append(peer, '1')
  await untilFollowed(1)
  await store.close()
  expect(rowsOf('followers')).toBe(0)
  const before = rowsOf('changes')
  await append(peer, '2')
  expect(rowsOf('changes')).toBe(before)
})
