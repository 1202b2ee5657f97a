/** Which streams there are: what a store is asked for, and the pages in which it answers. */
import { StreamRequestError } from './errors.ts'
import { checkInteger } from './bookkeeping/requests.ts'
import type { StreamInfo } from './store.ts'

/**
 * By owner, by whether they are leased, by list, or by prefix, a page costs by what it holds, however many streams
 * there are: a store has an index for each. Only `closed: true` and what is said beside the first of these are looked
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
  /**
   * Those of the owner, who has to be named, that were created with `listed` of this name: the one first that records
   * were appended to last. With `after` and `limit` alone. For streams that a person looks through, such as chats:
   * an append to one of them costs a little more.
   */
  readonly listed?: string
  /** Behind this place: `next` of the page before. Unless they are `listed`, also any id. */
  readonly after?: string
  /** 1 to 1,000. Default 100. */
  readonly limit?: number
  readonly signal?: AbortSignal
}

export interface StreamList {
  /** In the order of their ids, or, `listed`, of the last appends of records to them, the latest first. */
  readonly streams: readonly StreamInfo[]
  /** Where the next page begins, when there may be one. */
  readonly next?: string
}

/** The part of a store that knows which streams there are. */
export interface StreamListing {
  list(options?: ListOptions): Promise<StreamList>

  /**
   * How many streams an owner has, null for those of nobody, up to `most`: counted by an index, and never by looking
   * at streams. What is past its time counts until it is swept, and so may for a moment what was just
   * deleted. For limits.
   */
  countOwned(owner: string | null, most: number, signal?: AbortSignal): Promise<number>
}

/** A listing in the order of ids that a store can give. */
export interface CheckedList {
  readonly prefix: string
  readonly owner: string | null | undefined
  readonly closed: boolean | undefined
  readonly leased: boolean
  readonly after: string
  readonly limit: number
}

/** One of a list in the order of the last appends. */
export interface CheckedLatest {
  /** The name of the list. */
  readonly listed: string
  readonly owner: string | undefined
  /** The place of the last stream of the page before; places go down from page to page. */
  readonly before: number
  readonly limit: number
}

export function checkList(options: ListOptions): CheckedList | CheckedLatest {
  const { prefix = '', owner, closed, leased = false, listed, after = '', limit = 100 } = options
  checkInteger(limit, 1, 1000, 'invalid_limit', 'The streams of a page')
  if (listed === undefined) return { prefix, owner, closed, leased, after, limit }
  checkListName(listed)
  if (owner === undefined)
    throw invalid('A list is asked for with its owner, or with null for that of nobody')
  if (prefix !== '' || closed !== undefined || leased)
    throw invalid('A list is asked for by its owner and its name alone')
  if (!/^(?:[1-9]\d{0,15})?$/.test(after)) throw invalid('`after` is no place of a list')
  const before = after === '' ? Number.MAX_SAFE_INTEGER : Number(after)
  return { listed, owner: owner ?? undefined, before, limit }
}

/** @throws {StreamRequestError} `invalid_list` for what cannot be the name of a list. */
export function checkListName(name: string): void {
  if (typeof name === 'string' && /^[\x21-\x7e]{1,64}$/.test(name)) return
  throw invalid('The name of a list is 1 to 64 printable ASCII characters without a space')
}

function invalid(message: string): StreamRequestError {
  return new StreamRequestError('invalid_list', message)
}

/** @throws {StreamRequestError} `invalid_limit` for what is no number of streams. */
export function checkMost(most: number): number {
  checkInteger(most, 1, Number.MAX_SAFE_INTEGER, 'invalid_limit', 'The streams that are counted')
  return most
}
