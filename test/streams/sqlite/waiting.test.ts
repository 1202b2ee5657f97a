import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest'
import { openSqlite } from '../../../src/streams/sqlite/store.ts'
import { temporaryFolder } from '../harnesses.ts'

const folder = temporaryFolder()
afterAll(() => folder.dispose())

let files = 0
let path: string
let other: DatabaseSync
beforeEach(() => {
  path = join(folder.path, `${++files}.db`)
})
afterEach(() => other.close())

/** Another process, which holds the file. */
function hold(): void {
  other = new DatabaseSync(path)
  other.exec('BEGIN IMMEDIATE')
}

it('refuses at once what does not fit beside the writes that wait, metadata included', async () => {
  const store = openSqlite(path, { limits: { metadataBytes: 17 * 1024 * 1024 } })
  await store.create('stream')
  hold()
  const { signal, reject } = withdrawing()
  const metadata = 'x'.repeat(16 * 1024 * 1024)
  const appends = [1, 2, 3, 4, 5].map(async (n) => {
    const error: unknown = await store
      .append('stream', { metadata }, signal)
      .catch((reason: unknown) => reason)
    return { n, error }
  })
  expect(await Promise.race(appends)).toMatchObject({ n: 4, error: { code: 'overloaded' } })
  reject()
  expect((await Promise.all(appends)).map(({ error }) => (error as { code?: string }).code)).toEqual([
    undefined,
    undefined,
    undefined,
    'overloaded',
    'overloaded',
  ])
  other.exec('ROLLBACK')
  // What was withdrawn has left its room.
  expect((await store.append('stream', { metadata })).outcome).toBe('appended')
  await store.close()
})

it('leaves the event loop to others while another process holds the file', async () => {
  const store = openSqlite(path, { lockTimeout: 0.3 })
  await store.create('stream')
  hold()
  const before = performance.eventLoopUtilization()
  await expect(store.append('stream', { records: ['1'] })).rejects.toMatchObject({ code: 'locked' })
  expect(performance.eventLoopUtilization(before).utilization).toBeLessThan(0.25)
  await store.close()
})

function withdrawing(): { readonly signal: AbortSignal; readonly reject: () => void } {
  const controller = new AbortController()
  return { signal: controller.signal, reject: () => controller.abort(new Error('withdrawn')) }
}
