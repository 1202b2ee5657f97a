/** What a SQLite file keeps of forks and of what they were forked from. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, beforeEach, expect, it, vi } from 'vitest'
import { openSqlite } from '../../../src/streams/sqlite/store.ts'
import type { StreamStore } from '../../../src/streams/store.ts'
import { temporaryFolder } from '../harnesses.ts'

const folder = temporaryFolder()
afterAll(() => folder.dispose())

let files = 0
let store: StreamStore
let db: DatabaseSync

beforeEach(() => {
  const path = join(folder.path, `${++files}.db`)
  store = openSqlite(path)
  db = new DatabaseSync(path)
})
afterEach(async () => {
  await store.close()
  db.close()
})

function rows(table: string): number {
  return Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n'])
}

async function untilCollected(records: number): Promise<void> {
  await vi.waitFor(() => expect([rows('garbage'), rows('trimmed'), rows('records')]).toEqual([0, 0, records]))
}

const texts = Array.from({ length: 1000 }, (_, n) => String(n))

it('keeps of a deleted stream what its forks have, until they are gone', async () => {
  await store.create('source', { records: texts })
  const { tail: point } = (await store.head('source')) as { tail: { position: number; stamp: string } }
  await store.append('source', { records: texts })
  await store.create('half', { from: { id: 'source', offset: { ...point, position: 500, ahead: 500 } } })
  await store.create('all', { from: { id: 'source', offset: point } })
  expect(rows('records')).toBe(2000)
  await store.delete('source')
  await untilCollected(1000)
  await store.delete('all')
  await untilCollected(500)
  await store.delete('half')
  await untilCollected(0)
  expect([rows('forks'), rows('retired'), rows('streams')]).toEqual([0, 0, 0])
})

it('keeps of a trimmed stream what its forks have, until they are gone', async () => {
  await store.create('source', { records: texts })
  await store.create('fork', { from: { id: 'source' } })
  await store.append('source', { records: texts })
  await store.trim('source', 'now')
  await untilCollected(1000)
  expect((await store.head('source'))?.tail.position).toBe(2000)
  await store.delete('fork')
  await untilCollected(0)
  expect((await store.head('source'))?.tail.position).toBe(2000)
})

it('takes nothing for what is inherited, however deep', async () => {
  await store.create('fork0', { records: texts })
  for (let n = 1; n <= 20; n++)
    await store.create(`fork${n}`, { from: { id: `fork${n - 1}` }, records: ['1'] })
  expect(rows('records')).toBe(1020)
  for (let n = 0; n < 20; n++) await store.delete(`fork${n}`)
  const page = await store.read('fork20', { position: 995 })
  expect(page).toMatchObject({ records: [...texts.slice(995), ...Array.from({ length: 20 }, () => '1')] })
  await store.delete('fork20')
  await untilCollected(0)
  expect([rows('forks'), rows('retired')]).toEqual([0, 0])
})
