import { mkdirSync, rmdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { openSqlite } from '../../../../src/streams/sqlite/store.ts'
import { LogRoom } from '../../../../src/streams/sqlite/file/log-room.ts'
import { openDatabase } from '../../../../src/streams/sqlite/open.ts'
import { Reserve } from '../../../../src/streams/sqlite/file/reserve.ts'
import type { StreamStore } from '../../../../src/streams/store.ts'
import { temporaryFolder } from '../../harnesses.ts'

const folder = temporaryFolder()
afterAll(() => folder.dispose())

let files = 0
let path: string
beforeEach(() => {
  path = join(folder.path, `${++files}.db`)
})

const KB = 1024
const size = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0
const record = (bytes: number): string => `"${'x'.repeat(bytes)}"`

function open(): StreamStore {
  const store = openSqlite(path)
  onTestFinished(() => store.close())
  return store
}

it('holds a reserve as large as what the log adds to the database', async () => {
  const store = open()
  await store.create('stream')
  const least = size(`${path}-reserve`)
  expect(least).toBeGreaterThan(0)
  // The same pages again and again add nothing.
  for (let n = 0; n < 100; n++) await store.append('stream', { checkpoint: n })
  expect(size(`${path}-wal`)).toBeGreaterThan(200 * KB)
  expect(size(`${path}-reserve`)).toBe(least)
  for (let n = 0; n < 10; n++) await store.append('stream', { records: [record(100 * KB)] })
  expect(size(`${path}-reserve`)).toBeGreaterThan(1000 * KB)
  expect(statSync(`${path}-reserve`).mode & 0o777).toBe(0o600)
})

it('brings the log into the database and cuts it when there is no room for it', () => {
  const { db } = openDatabase(path, 1000)
  onTestFinished(() => db.close())
  const room = new LogRoom(db, path)
  db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(300000))')
  expect(size(`${path}-wal`)).toBeGreaterThan(300_000)
  expect(room.makeRoom(false)).toBe(true)
  expect(size(`${path}-wal`)).toBe(0)
  expect(size(path)).toBeGreaterThan(300_000)
  expect(size(`${path}-reserve`)).toBeGreaterThan(100_000)
  // Nothing is gained by doing it again. What frees room has that of the reserve.
  expect(room.makeRoom(false)).toBe(false)
  expect(room.makeRoom(true)).toBe(true)
  expect(size(`${path}-reserve`)).toBe(0)
  room.freed()
  expect(size(`${path}-reserve`)).toBeGreaterThan(100_000)
})

it('refuses what there is no room for in the reserve, and lets in what frees some', async () => {
  // Where the reserve is to be, nothing can be written: as on a disk that is full to the last byte.
  const filled = open()
  await filled.create('rubbish', { records: [record(1500 * KB)] })
  await filled.create('stream')
  await filled.close()
  rmSync(`${path}-reserve`)
  mkdirSync(`${path}-reserve`)
  const store = open()
  await expect(store.append('stream', { records: ['1'] })).rejects.toMatchObject({ code: 'full' })
  await expect(store.create('another')).rejects.toMatchObject({ code: 'full' })
  expect(await store.head('stream')).toMatchObject({ tail: { position: 0 } })
  expect(await store.delete('rubbish')).toBe(true)
  rmdirSync(`${path}-reserve`)
  expect(await store.append('stream', { records: ['2'] })).toMatchObject({ outcome: 'appended' })
  expect(size(`${path}-reserve`)).toBeGreaterThan(0)
})

it('grows step by step, and is as it was when the disk takes no more', () => {
  const reserve = new Reserve(path)
  expect(reserve.size).toBe(0)
  expect(reserve.grow(100 * KB)).toBe(true)
  expect(reserve.size).toBe(100 * KB)
  expect(reserve.grow(50 * KB)).toBe(true)
  expect(reserve.size).toBe(100 * KB)
  reserve.release()
  reserve.release()
  expect(reserve.size).toBe(0)
  expect(reserve.take(300 * KB)).toBe(300 * KB)
  expect(new Reserve(join(folder.path, 'missing', 's.db')).grow(1)).toBe(false)
})
