/** Which streams there are: what a store is asked for, and the pages in which it answers. */
import type { StreamInfo } from './stream.ts'

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
