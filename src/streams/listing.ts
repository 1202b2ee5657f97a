/** Which streams there are: what a store is asked for, and the pages in which it answers. */
import type { StreamInfo } from './store.ts'

export interface ListOptions {
  /** Ids that begin so. */
  readonly prefix?: string
  readonly owner?: string
  readonly closed?: boolean
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
