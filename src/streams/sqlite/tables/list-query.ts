/** How a page of a listing is asked for: each by an index that holds little else. */
import type { CheckedList } from '../../bookkeeping/list-requests.ts'
import { ALIVE } from './stream-table.ts'

export interface ListQuery {
  /** What follows `FROM`; one of a few, so that each is prepared once. */
  readonly source: string
  readonly values: readonly (string | number)[]
}

/** One stream more than the page holds tells whether there is another one. */
export function listQuery(
  { prefix, owner, closed, leased, after, limit }: CheckedList,
  now: number,
): ListQuery {
  // No id holds a character above `~`.
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

/** Named, as SQLite knows nothing of how many streams there are of each sort. */
function indexFor(owner: string | null | undefined, closed: boolean | undefined, leased: boolean): string {
  if (leased) return 'INDEXED BY streams_leased'
  if (owner === null) return 'INDEXED BY streams_of_nobody'
  if (owner !== undefined) return 'INDEXED BY streams_by_owner'
  return closed === false ? 'INDEXED BY streams_open' : ''
}
