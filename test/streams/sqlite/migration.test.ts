import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, it } from 'vitest'
import { Runs } from '../../../src/runs/runs.ts'
import { migrate, openSqlite } from '../../../src/streams/sqlite/store.ts'
import type { AppendResult } from '../../../src/streams/store.ts'
import { SCHEMA_VERSION } from '../../../src/streams/sqlite/tables/schema.ts'
import { temporaryFolder } from '../harnesses.ts'

const folder = temporaryFolder()
afterAll(() => folder.dispose())

/** A file of the first version, with streams. */
function oldFile(name: string): string {
  const path = join(folder.path, name)
  const db = new DatabaseSync(path)
  db.exec(readFileSync(new URL('../fixtures/version-1.sql', import.meta.url), 'utf8'))
  db.close()
  return path
}

it('brings a file of the first version up to date, with all that is in it', async () => {
  const path = oldFile('plain.db')
  expect(migrate(path)).toEqual({ from: 1, to: SCHEMA_VERSION })
  const store = openSqlite(path)
  const plain = await store.head('plain')
  expect(plain).toMatchObject({ owner: 'ann', metadata: { n: 1 }, closed: false, tail: { position: 2 } })
  expect(await store.read('plain', 'start')).toMatchObject({ records: ['1', '2'] })
  const appended = await store.append('plain', { records: ['3'], streamSeq: 'seq2', close: true, end: 'x' })
  expect(appended.outcome).toBe('appended')
  expect(await store.head('plain')).toMatchObject({ end: 'x' })

  const closed = await store.head('closed')
  expect(closed).toMatchObject({ closed: true, tail: { position: 1 } })
  expect(closed).not.toHaveProperty('end')
  const again = { records: ['{"n":1}'], close: true, producer: { id: 'p', epoch: 1, seq: 0 } }
  expect((await store.append('closed', again)).outcome).toBe('duplicate')
  await store.close()
})

it('forgets the producers of an older file first, of which it is not known where they appended', async () => {
  const path = oldFile('producers.db')
  const db = new DatabaseSync(path)
  const insert = db.prepare("INSERT INTO producers SELECT key, ?, 0, 4 FROM streams WHERE id = 'plain'")
  for (let n = 1; n <= 20; n++) insert.run(`old${n}`)
  db.close()
  const store = openSqlite(path, { limits: { producers: 8 } })
  const send = (id: string, seq: number): Promise<AppendResult> =>
    store.append('plain', { records: ['1'], producer: { id, epoch: 0, seq } })
  expect(await send('old7', 5)).toMatchObject({ outcome: 'appended' })
  expect(await send('new', 0)).toMatchObject({ outcome: 'appended' })
  expect(await send('old7', 9)).toMatchObject({ outcome: 'gap', expectedSeq: 6 })
  const known: string[] = []
  for (let n = 1; n <= 20; n++) {
    const result = await send(`old${n}`, 9)
    if (result.outcome === 'gap' && result.expectedSeq > 0) known.push(`old${n}`)
  }
  expect(known).toContain('old7')
  expect(known).toHaveLength(7)
  await store.close()
})

it('makes of the ends of runs what their streams are closed with', async () => {
  const store = openSqlite(oldFile('runs.db'))
  const logOf = async (id: string): Promise<unknown> => {
    const page = await store.read(id, 'start')
    if (page.outcome !== 'page') throw new Error(page.outcome)
    return [page.records, page.end]
  }
  // The last record alone was the end, and the first one what a provider yielded.
  const yielded = '{"type":"millrace.end","status":"failed"}'
  expect(await logOf('completed')).toEqual([[yielded], { status: 'completed' }])
  const failed = { status: 'failed', reason: 'silent', message: '"Nothing" came.' }
  expect(await logOf('failed')).toEqual([[], failed])
  expect(await logOf('running')).toEqual([['{"type":"millrace.end","status":"completed"}'], undefined])
  expect(await logOf('no-run')).toEqual([['{"type":"millrace.end","status":"stopped"}'], undefined])
  expect(await logOf('bytes')).toEqual([[Uint8Array.of(0x7b, 0x22)], { status: 'stopped' }])

  const runs = new Runs({ store })
  const { runs: listed } = await runs.list()
  expect(listed.map(({ id, status, reason }) => [id, status, reason])).toEqual([
    ['bytes', 'stopped', undefined],
    ['completed', 'completed', undefined],
    ['failed', 'failed', 'silent'],
    ['running', 'running', undefined],
  ])
  await runs.close()
  await store.close()
})
