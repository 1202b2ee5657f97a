import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ChangeLog } from '../../../../src/streams/sqlite/following/change-log.ts'
import { FollowerTable } from '../../../../src/streams/sqlite/tables/follower-table.ts'
import { openDatabase } from '../../../../src/streams/sqlite/open.ts'
import { temporaryFolder } from '../../harnesses.ts'

let folder: ReturnType<typeof temporaryFolder>
let db: DatabaseSync
let mine: ChangeLog
let others: ChangeLog
let me: FollowerTable
let they: FollowerTable

beforeEach(() => {
  folder = temporaryFolder()
  db = openDatabase(join(folder.path, 'streams.db'), 0).db
  me = new FollowerTable(db)
  they = new FollowerTable(db)
  mine = new ChangeLog(db, me)
  others = new ChangeLog(db, they)
  me.join(0)
  they.join(0)
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

it('is written for other processes alone, while they follow', () => {
  change(mine, 1)
  they.leave()
  expect(mine.last()).toBe(1)
  // Another process has written.
  me.forget()
  change(mine, 2)
  expect(mine.last()).toBe(1)
  they.join(0)
  me.forget()
  change(mine, 3)
  expect(mine.since(1).seq).toBe(2)
})

it('is no longer written for who was not seen for long, by whichever clock', () => {
  const minutes = 60_000
  they.join(100 * minutes)
  for (const now of [90 * minutes, 110 * minutes]) {
    me.sweep(now)
    expect([me.hasOthers, they.isListed]).toEqual([true, true])
  }
  me.sweep(120 * minutes)
  expect([me.hasOthers, they.isListed]).toEqual([false, false])
  they.join(100 * minutes)
  me.sweep(0)
  expect([me.hasOthers, they.isListed]).toEqual([false, false])
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
