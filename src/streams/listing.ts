/** Which streams there are: what a store is asked for, and the pages in which it answers. */
import { checkInteger } from './requests.ts'
import type { StreamInfo } from './store.ts'

/**
 * By owner, by whether they are leased, or by prefix, a page costs by what it holds, however many streams there
 * are: a store has an index for each. Only `closed: true` and what is said beside the first of these are looked
 * for among what that finds.
 */
export interface ListOptions {
  /** Ids that begin so. */
  readonly prefix?: string
  /** Null for those of nobody. */
  readonly owner?: string | null
  readonly closed?: boolean
  /** Open ones that have a lease, held or over: what somebody fills, or is to go on with. */
  readonly leased?: true
  /** Ids behind this one: `next` of the page before. */
  readonly after?: string
  /** 1 to 1,000. Default 100. */
  readonly limit?: number
  readonly signal?: AbortSignal
}

export interface StreamList {
  /** In the order of their ids. */
  readonly streams: readonly StreamInfo[]
  /** Where the next page begins, when there may be one. */
  readonly next?: string
}

/** A listing that a store can give. */
export interface CheckedList {
  readonly prefix: string
  readonly owner: string | null | undefined
  readonly closed: boolean | undefined
  readonly leased: boolean
  readonly after: string
  readonly limit: number
}

export function checkList(options: ListOptions): CheckedList {
  const { prefix = '', owner, closed, leased = false, after = '', limit = 100 } = options
  checkInteger(limit, 1, 1000, 'invalid_limit', 'The streams of a page')
  return { prefix, owner, closed, leased, after, limit }
}
