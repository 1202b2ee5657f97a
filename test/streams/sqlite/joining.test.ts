/** Who begins to watch in a process that has yet to hear what others wrote. */
import { join } from 'node:path'
import { afterAll, expect, it, onTestFinished } from 'vitest'
import { openSqlite } from '../../../src/streams/sqlite/store.ts'
import type { StreamEvent } from '../../../src/streams/watching.ts'
import { temporaryFolder } from '../harnesses.ts'

const folder = temporaryFolder()
afterAll(() => folder.dispose())

it('leaves the event loop its turns while those who watch already are told', async () => {
  const path = join(folder.path, 'joining.db')
  // Hears of nothing by itself during the test.
  const store = openSqlite(path, { followInterval: 60 })
  const other = openSqlite(path)
  onTestFinished(() => Promise.all([store.close(), other.close()]).then(() => undefined))
  await store.create('stream')
  let told = 0
  const listen = (event: StreamEvent): void => {
    if (event.type === 'append') told += event.records.length
  }
  await store.watch('stream', listen)
  const pages = 6
  for (let page = 0; page < pages; page++) {
    await other.append('stream', { records: Array.from({ length: 1000 }, () => '1') })
  }
  const seen = new Set<number>()
  let isDone = false
  const look = (): void => {
    seen.add(told)
    if (!isDone) setImmediate(look)
  }
  setImmediate(look)
  const watching = await store.watch('stream', () => undefined)
  isDone = true
  expect(watching).toMatchObject({ outcome: 'watching', tail: { position: 1000 * pages } })
  expect(told).toBe(1000 * pages)
  expect(seen.size).toBeGreaterThan(1)
})
