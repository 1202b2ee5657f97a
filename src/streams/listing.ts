/** Lists streams: the options, and the pages of the answer. */
import type { StreamInfo } from './stream.ts'

/**
 * The cost of a page by owner, `leased`, list or prefix depends on its size, not on the number of streams: a store
 * has an index for each. `closed: true`, and any option beside the first of these, filters what the index finds.
 */
export interface ListOptions {
  /** Prefix of the ids. */
  readonly prefix?: string
  /** Null for streams without an owner. */
  readonly owner?: string | null
  readonly closed?: boolean
  /** Open streams with a lease, held or expired: those being filled, or waiting for a takeover. */
  readonly leased?: true
  /**
   * Streams of the owner, which is required, that were created with this `listed`, the latest append of records
   * first. Only with `after` and `limit`. For streams that people browse, such as chats: an append to one costs a
   * little more.
   */
  readonly listed?: string
  /** `next` of the previous page. Without `listed` also any id. */
  readonly after?: string
  /** 1 to 1,000. Default 100. */
  readonly limit?: number
  readonly signal?: AbortSignal
}

export interface StreamList {
  /** In the order of their ids; with `listed`, the latest append of records first. */
  readonly streams: readonly StreamInfo[]
  /** Where the next page begins, if there may be one. */
  readonly next?: string
}

/** The part of a store that lists streams. */
export interface StreamListing {
  list(options?: ListOptions): Promise<StreamList>

  /**
   * Number of streams of an owner (null for none), up to `most`, counted by an index. Expired streams count until
   * they are swept, and deleted ones may count for a moment. For limits.
   */
  countOwned(owner: string | null, most: number, signal?: AbortSignal): Promise<number>
}
