/** Lists in the order of the last appends, as rows. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, it } from 'vitest'
import { openSqlite } from '../../../../src/streams/sqlite/store.ts'
import { temporaryFolder } from '../../harnesses.ts'

const folder = temporaryFolder()
afterAll(() => folder.dispose())

it('is written when another stream is appended to than last, and for no stream that is on none', async () => {
  const path = join(folder.path, 'lists.db')
  const store = openSqlite(path)
  const db = new DatabaseSync(path, { readOnly: true })
  const rows = () =>
    db
      .prepare('SELECT id, place FROM listed JOIN streams ON key = stream ORDER BY id')
      .all()
      .map(({ id, place }) => [id, place])
  for (const id of ['a', 'b']) await store.create(id, { owner: 'anna', listed: 'chats' })
  await store.create('plain', { owner: 'anna' })
  for (let n = 0; n < 10; n++) {
    await store.append('b', { records: ['1'] })
    await store.append('plain', { records: ['1'] })
  }
  const atFirst = [
    ['a', 1],
    ['b', 2],
  ]
  expect(rows()).toEqual(atFirst)
  for (let n = 0; n < 10; n++) await store.append('a', { records: ['1'] })
  expect(rows()).toEqual([
    ['a', 3],
    ['b', 2],
  ])
  await store.delete('a')
  expect(rows()).toEqual([['b', 2]])
  db.close()
  await store.close()
})
