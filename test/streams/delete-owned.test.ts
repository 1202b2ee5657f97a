import { afterAll, expect, it } from 'vitest'
import { deleteOwned } from '../../src/streams/delete-owned.ts'
import { memory } from '../../src/streams/memory/store.ts'
import { openSqlite } from '../../src/streams/sqlite/store.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import { temporaryFolder } from './harnesses.ts'

const folder = temporaryFolder()
afterAll(() => folder.dispose())

it.each<[string, () => StreamStore]>([
  ['memory', () => memory()],
  ['SQLite', () => openSqlite(`${folder.path}/streams.db`)],
])('deletes all of an owner and nothing else, in %s', async (_store, open) => {
  const store = open()
  const lease = { holder: 'a', ttlMs: 60_000 }
  const creating = Array.from({ length: 250 }, (_, n) => store.create(`a${n}`, { owner: 'anna' }))
  await Promise.all([
    ...creating,
    store.create('@input/x', { owner: 'anna' }),
    store.create('running', { owner: 'anna', lease }),
    store.create('ended', { owner: 'anna', closed: true }),
    store.create('berta', { owner: 'berta' }),
    store.create('nobody'),
  ])
  expect(await deleteOwned(store, 'anna')).toBe(253)
  expect((await store.list()).streams.map(({ id }) => id)).toEqual(['berta', 'nobody'])
  expect(await deleteOwned(store, 'anna')).toBe(0)
  await store.close()
})

it('deletes nothing that took an id since it was looked up, and ends with its signal', async () => {
  const store = memory()
  await store.create('s', { owner: 'anna' })
  const list: StreamStore['list'] = async (options) => {
    const page = await store.list(options)
    await store.delete('s')
    await store.create('s', { owner: 'berta' })
    return page
  }
  const raced = { list, delete: store.delete.bind(store) }
  expect(await deleteOwned(raced, 'anna')).toBe(0)
  expect((await store.head('s'))?.owner).toBe('berta')
  const reason = new Error('enough')
  await expect(deleteOwned(store, 'berta', AbortSignal.abort(reason))).rejects.toBe(reason)
  expect(await store.head('s')).toBeDefined()
})
