/** Makes the query of a page of a listing, by the index with the fewest other rows. */
import type { CheckedList } from '../../bookkeeping/list-requests.ts'
import { ALIVE } from './stream-table.ts'

export interface ListQuery {
  /** The part after `FROM`; one of a few, so that each is prepared once. */
  readonly source: string
  readonly values: readonly (string | number)[]
}

/** One stream more than the page holds, to tell whether there is another page. */
export function listQuery(
  { prefix, owner, closed, leased, after, limit }: CheckedList,
  now: number,
): ListQuery {
  // No id contains a character above `~`.
  const values: (string | number)[] = [prefix, `${prefix}\x7f`, after, now]
  const conditions = [`id >= ? AND id < ? AND id > ? AND ${ALIVE}`]
  if (leased) conditions.push('leased = 1 AND closed = 0')
  else if (closed !== undefined) conditions.push(closed ? 'closed = 1' : 'closed = 0')
  if (leased && closed === true) conditions.push('FALSE')
  if (owner === null) conditions.push('owner IS NULL')
  else if (owner !== undefined) {
    conditions.push('owner = ?')
    values.push(owner)
  }
  const index = indexFor(owner, closed, leased)
  return {
    source: `streams ${index} WHERE ${conditions.join(' AND ')} ORDER BY id LIMIT ?`,
    values: [...values, limit + 1],
  }
}

/** The index is named, because SQLite does not know how many streams of each sort there are. */
function indexFor(owner: string | null | undefined, closed: boolean | undefined, leased: boolean): string {
  if (leased) return 'INDEXED BY streams_leased'
  if (owner === null) return 'INDEXED BY streams_of_nobody'
  if (owner !== undefined) return 'INDEXED BY streams_by_owner'
  return closed === false ? 'INDEXED BY streams_open' : ''
}
