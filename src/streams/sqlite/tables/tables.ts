/** The tables of one file. */
import type { DatabaseSync } from 'node:sqlite'
import type { StreamLimits } from '../../stream.ts'
import { ChangeLog } from '../following/change-log.ts'
import { FollowerTable } from './follower-table.ts'
import { ForkTable } from './fork-table.ts'
import { LeaseTable } from './lease-table.ts'
import { ListTable } from './list-table.ts'
import { RecordTable } from './record-table.ts'
import { versionOf } from './schema.ts'
import { StreamTable } from './stream-table.ts'

export interface Tables {
  readonly streams: StreamTable
  readonly records: RecordTable
  readonly forks: ForkTable
  readonly leases: LeaseTable
  readonly lists: ListTable
  readonly changes: ChangeLog
  readonly followers: FollowerTable
}

export function openTables(db: DatabaseSync, path: string, limits: StreamLimits): Tables {
  const forks = new ForkTable(db)
  const followers = new FollowerTable(db)
  const streams = new StreamTable(db, limits, () => {
    followers.forget()
    versionOf(db, path)
  })
  const changes = new ChangeLog(db, followers)
  return {
    streams,
    records: new RecordTable(db, forks),
    forks,
    leases: new LeaseTable(db),
    lists: new ListTable(db, streams),
    changes,
    followers,
  }
}
