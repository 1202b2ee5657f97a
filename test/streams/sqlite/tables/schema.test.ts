import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { StatementSync } from 'node:sqlite'
import { afterAll, expect, it } from 'vitest'
import { migrate, openSqlite } from '../../../../src/streams/sqlite/store.ts'
import { migrateDatabase, SCHEMA_VERSION, STEPS } from '../../../../src/streams/sqlite/tables/schema.ts'
import { temporaryFolder } from '../../harnesses.ts'

const folder = temporaryFolder()
afterAll(() => folder.dispose())

/** A file as the first version left it, with these metadata on streams that are open or closed. */
function firstVersion(
  path: string,
  streams: readonly { id: string; closed: boolean; metadata: unknown }[],
): void {
  const db = new DatabaseSync(path)
  db.exec(String(STEPS[0]))
  db.exec(`PRAGMA application_id = ${0x4d696c6c}; PRAGMA user_version = 1`)
  const insert = db.prepare(`INSERT INTO streams (id, incarnation, content_type, created_at, metadata, closed)
    VALUES (?, 'abcdefghij', 'application/json', 0, ?, ?)`)
  for (const { id, metadata, closed } of streams)
    insert.run(id, metadata === undefined ? null : JSON.stringify(metadata), closed ? 1 : 0)
  db.close()
}

it('takes the checkpoints of a first version out of the metadata', async () => {
  const path = join(folder.path, 'first.db')
  const checkpoint = { value: { seq: [1, 'é'] }, at: 3, bytes: 20 }
  firstVersion(path, [
    { id: 'run', closed: false, metadata: { run: { status: 'running', checkpoint, attempt: 1 } } },
    { id: 'over', closed: true, metadata: { run: { status: 'running', checkpoint } } },
    { id: 'other', closed: false, metadata: { run: 'fast', checkpoint } },
    { id: 'bare', closed: false, metadata: undefined },
  ])
  expect(migrate(path)).toEqual({ from: 1, to: SCHEMA_VERSION })
  const store = openSqlite(path)
  const { streams } = await store.list()
  expect(streams.map(({ id, metadata, checkpoint: kept }) => [id, metadata, kept])).toEqual([
    ['bare', undefined, undefined],
    ['other', { run: 'fast', checkpoint }, undefined],
    ['over', { run: { status: 'running' } }, undefined],
    ['run', { run: { status: 'running', attempt: 1 } }, checkpoint],
  ])
  expect(await store.countOwned(null, 10)).toBe(4)
  await store.close()
})

it('waits for another process that creates the same file', () => {
  const path = join(folder.path, 'both.db')
  /** Another process is done in the middle of this one's look at the file. */
  class Interrupted extends DatabaseSync {
    override prepare(sql: string): StatementSync {
      if (sql.includes('sqlite_schema')) migrate(path)
      return super.prepare(sql)
    }
  }
  new DatabaseSync(path).close()
  const db = new Interrupted(path)
  db.exec('PRAGMA journal_mode = WAL')
  expect(migrateDatabase(db, path).to).toBe(SCHEMA_VERSION)
  db.close()
})

it('says that it cannot work in a file that another process brought to a newer version', async () => {
  const path = join(folder.path, 'newer.db')
  const store = openSqlite(path)
  expect(await store.check?.()).toBe(true)
  const db = new DatabaseSync(path)
  db.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`)
  db.close()
  await expect(store.check?.()).rejects.toMatchObject({ code: 'newer_version' })
  await store.close()
})

it('writes nothing of the metadata again with a checkpoint', async () => {
  const logOf = async (metadata: string): Promise<number> => {
    const path = join(folder.path, `metadata-${metadata.length}.db`)
    const store = openSqlite(path)
    await store.create('stream', { metadata })
    for (let n = 1; n <= 20; n++) await store.append('stream', { records: [String(n)], checkpoint: n })
    const { size } = statSync(`${path}-wal`)
    await store.close()
    return size
  }
  const [small, large] = [await logOf(''), await logOf('m'.repeat(15_000))]
  // Once, when the stream was created.
  expect(large - small).toBeLessThan(20_000)
})
