import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ChangeLog } from '../../../src/streams/sqlite/change-log.ts'
import { openDatabase } from '../../../src/streams/sqlite/open.ts'
import { temporaryFolder } from '../harnesses.ts'

let folder: ReturnType<typeof temporaryFolder>
let db: DatabaseSync
let mine: ChangeLog
let others: ChangeLog

beforeEach(() => {
  folder = temporaryFolder()
  db = openDatabase(join(folder.path, 'streams.db'), 0).db
  mine = new ChangeLog(db)
  others = new ChangeLog(db)
})
afterEach(() => {
  db.close()
  folder.dispose()
})

/** One transaction. */
function change(log: ChangeLog, ...keys: number[]): void {
  for (const key of keys) log.note(key)
  log.write()
}

it('says which streams others changed since, each once', () => {
  change(others, 1)
  const since = mine.last()
  expect(mine.since(since)).toEqual({ seq: since, keys: new Set() })
  change(others, 2, 3)
  change(mine, 4)
  change(others, 3)
  expect(mine.since(since)).toEqual({ seq: since + 3, keys: new Set([2, 3]) })
  expect(others.since(since).keys).toEqual(new Set([4]))
})

it('writes nothing for a transaction that changed no stream, or did not happen', () => {
  others.note(1)
  others.forget()
  others.write()
  expect(mine.last()).toBe(0)
})

it('does not know what lies too far back, and then goes on', () => {
  db.exec('BEGIN')
  for (let n = 1; n <= 6000; n++) change(others, n)
  db.exec('COMMIT')
  expect(mine.since(0)).toEqual({ seq: 6000, keys: undefined })
  // Kept, and more than is worth reading.
  expect(mine.since(4500)).toEqual({ seq: 6000, keys: undefined })
  expect(mine.since(5998)).toEqual({ seq: 6000, keys: new Set([5999, 6000]) })
  const kept = Number(db.prepare('SELECT count(*) AS n FROM changes').get()?.['n'])
  expect(kept).toBeGreaterThan(4000)
  expect(kept).toBeLessThan(4500)
})
