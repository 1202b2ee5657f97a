import { copyFileSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { openSqlite } from '../../../../src/streams/sqlite/store.ts'
import { openDatabase } from '../../../../src/streams/sqlite/open.ts'
import type { StreamStore } from '../../../../src/streams/store.ts'
import type { StreamEvent } from '../../../../src/streams/watching.ts'
import { temporaryFolder } from '../../harnesses.ts'

const root = temporaryFolder()
afterAll(() => root.dispose())

let tests = 0
let folder: string
let path: string
let store: StreamStore
beforeEach(async () => {
  folder = join(root.path, String(++tests))
  mkdirSync(folder)
  path = join(folder, 's.db')
  store = openSqlite(path)
  onTestFinished(() => store.close())
  await store.create('stream', { records: ['1'] })
})

const append = (): Promise<unknown> => store.append('stream', { records: ['2'] })

/** Until the next transaction looks at the file: while they follow each other at once, not each one does. */
const untilLooked = (): Promise<void> => sleep(15)

it.each<[string, () => void]>([
  ['removed with all its files', () => readdirSync(folder).forEach((file) => rmSync(join(folder, file)))],
  ['removed', () => rmSync(path)],
  ['moved away', () => renameSync(path, `${path}.old`)],
  [
    'replaced by a copy',
    () => {
      copyFileSync(path, `${path}.copy`)
      renameSync(`${path}.copy`, path)
    },
  ],
])('acknowledges nothing in a file that was %s, and says so', async (_how, happen) => {
  expect(await store.check?.()).toBe(true)
  await untilLooked()
  happen()
  await expect(append()).rejects.toMatchObject({ code: 'io' })
  await expect(store.create('another')).rejects.toMatchObject({ code: 'io' })
  await expect(store.leases.acquire('stream', { holder: 'h', ttlMs: 1000 })).rejects.toMatchObject({
    code: 'io',
  })
  await expect(store.check?.()).rejects.toMatchObject({ code: 'io' })
})

it('notices within a second that the log of its file was removed', async () => {
  rmSync(`${path}-wal`)
  await expect(store.check?.()).rejects.toMatchObject({ code: 'io' })
  await expect(append()).rejects.toThrow(/-wal was removed, or replaced/)
})

it('refuses to read from a file that was removed, within a second', async () => {
  rmSync(path)
  const since = performance.now()
  let failure: unknown
  while (failure === undefined && performance.now() - since < 3000) {
    failure = await store.read('stream', 'start').then(
      () => undefined,
      (error: unknown) => error,
    )
    await sleep(10)
  }
  expect(failure).toMatchObject({ code: 'io' })
  expect(performance.now() - since).toBeLessThan(1000)
})

it('tells no watcher of what it cannot acknowledge', async () => {
  const told: unknown[] = []
  await store.watch('stream', (event) => told.push(event))
  await untilLooked()
  rmSync(path)
  await expect(append()).rejects.toMatchObject({ code: 'io' })
  expect(told).toEqual([])
})

it('notices within a second that its file was removed, however fast transactions follow each other', async () => {
  await append()
  rmSync(path)
  const since = performance.now()
  let failure: unknown
  while (failure === undefined && performance.now() - since < 3000) {
    failure = await append().then(
      () => undefined,
      (error: unknown) => error,
    )
  }
  expect(failure).toMatchObject({ code: 'io' })
  expect(performance.now() - since).toBeLessThan(1000)
})

it('goes on when its file is back', async () => {
  await untilLooked()
  renameSync(path, `${path}.away`)
  await expect(append()).rejects.toMatchObject({ code: 'io' })
  renameSync(`${path}.away`, path)
  expect(await store.check?.()).toBe(true)
  expect(await append()).toMatchObject({ outcome: 'appended' })
})

it('tells its watchers, when its file is back, of what was kept in it meanwhile', async () => {
  await store.create('other')
  const told: unknown[] = []
  const all = Promise.withResolvers<void>()
  const listen = (event: StreamEvent): void => {
    told.push(event.type === 'append' ? event.records : event.reason)
    if (told.length === 2) all.resolve()
  }
  await store.watch('stream', listen)
  await store.watch('other', listen)
  const producer = { id: 'p', epoch: 0, seq: 0 }
  await untilLooked()
  renameSync(path, `${path}.away`)
  await expect(store.append('stream', { records: ['2'], producer })).rejects.toMatchObject({ code: 'io' })
  await expect(store.delete('other')).rejects.toMatchObject({ code: 'io' })
  renameSync(`${path}.away`, path)
  expect(await store.append('stream', { records: ['2'], producer })).toMatchObject({ outcome: 'duplicate' })
  await all.promise
  expect(told).toEqual([['2'], 'deleted'])
})

it('syncs past the cache of the disk, where the system has to be told', () => {
  const { db } = openDatabase(join(folder, 'other.db'), 1000)
  expect(db.prepare('PRAGMA fullfsync').get()).toEqual({ fullfsync: 1 })
  expect(db.prepare('PRAGMA checkpoint_fullfsync').get()).toEqual({ checkpoint_fullfsync: 1 })
  db.close()
})
