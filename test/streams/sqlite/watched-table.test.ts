import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { newState } from '../../../src/streams/bookkeeping.ts'
import { checkConfig, DEFAULT_LIMITS } from '../../../src/streams/requests.ts'
import { openDatabase } from '../../../src/streams/sqlite/open.ts'
import { StreamTable } from '../../../src/streams/sqlite/stream-table.ts'
import type { StoredStream } from '../../../src/streams/sqlite/stream-table.ts'
import { WatchedTable } from '../../../src/streams/sqlite/watched-table.ts'
import { temporaryFolder } from '../harnesses.ts'

let folder: ReturnType<typeof temporaryFolder>
let db: DatabaseSync
let streams: StreamTable
let watched: WatchedTable

beforeEach(() => {
  folder = temporaryFolder()
  db = openDatabase(join(folder.path, 'streams.db'), 0).db
  streams = new StreamTable(db)
  watched = new WatchedTable(db)
})
afterEach(() => {
  db.close()
  folder.dispose()
})

function create(id: string): StoredStream {
  const stream = streams.insert(id, newState(checkConfig({}, DEFAULT_LIMITS), 'incarnation', 0))
  watched.add(stream)
  return stream
}

it('says which streams have more than they were told, until they were told it', () => {
  const [a] = [create('a'), create('b')]
  expect(watched.moved()).toEqual([])
  streams.insertRecords(a, 0, ['1', '2'])
  expect(watched.moved()).toEqual([{ id: 'a', tail: 2, closed: false }])
  watched.settle({ id: 'a', incarnation: 'incarnation', told: 1, closed: false })
  expect(watched.moved()).toEqual([{ id: 'a', tail: 2, closed: false }])
  watched.settle({ id: 'a', incarnation: 'incarnation', told: 2, closed: false })
  expect(watched.moved()).toEqual([])
})

it('says which streams closed, and which are gone', () => {
  const [a, b] = [create('a'), create('b')]
  streams.save(a, { ...a.state, closed: true })
  streams.remove(b)
  expect(watched.moved()).toEqual([
    { id: 'a', tail: 0, closed: true },
    { id: 'b', tail: 0, closed: undefined },
  ])
  watched.settle({ id: 'a', incarnation: 'incarnation', told: 0, closed: true })
  expect(watched.moved()).toEqual([{ id: 'b', tail: 0, closed: undefined }])
})

it('takes a stream of the same id for another one', () => {
  streams.remove(create('a'))
  create('a')
  expect(watched.moved()).toEqual([])
})

it('knows no stream that nobody watches', () => {
  const [a, b] = [create('a'), create('b')]
  for (const stream of [a, b]) streams.insertRecords(stream, 0, ['1'])
  watched.prune(1, (id) => id === 'b')
  expect(watched.moved().map(({ id }) => id)).toEqual(['b'])
  watched.prune(0, () => false)
  expect(db.prepare('SELECT count(*) AS n FROM watched').get()).toEqual({ n: 0 })
})
