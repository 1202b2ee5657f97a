/** What who watches a stream is told: part of the contract of `StreamStore`. */
import type { Json } from '../protocol/json.ts'
import type { Offset } from '../protocol/offset.ts'
import type { StreamInbox } from './inbox.ts'
import type { StreamRecord } from './store.ts'

/** What a watcher is told. */
export type StreamEvent =
  | {
      readonly type: 'append'
      /** Where the watcher was: the tail that `watch` gave, or `next` of the event before. */
      readonly from: Offset
      readonly next: Offset
      /** None when it only closed. Shared with other watchers. */
      readonly records: readonly StreamRecord[]
      /**
       * Records of JSON with commas between them, as UTF-8, when the store has them so: for whoever
       * writes them into an array without looking at each. Not to be written to.
       */
      readonly json?: Uint8Array | undefined
      readonly closed: boolean
      /** With `closed`: what the stream was closed with. */
      readonly end?: Json | undefined
    }
  /** The last event. */
  | { readonly type: 'gone'; readonly reason: GoneReason }

/**
 * Why nothing more is told. `lost`: the store has lost records it had told of. `trimmed`: records were trimmed
 * before the watcher was told of them, as happens to one far behind what another process appends; the stream
 * is there, and can be watched again.
 */
export type GoneReason = 'deleted' | 'expired' | 'lost' | 'trimmed'

/**
 * Who watches: a function that is told of each event at once, or an inbox that gathers them until its
 * owner takes them.
 */
export type WatchListener = ((event: StreamEvent) => void) | StreamInbox

export type WatchResult =
  | {
      readonly outcome: 'watching'
      readonly incarnation: string
      /** What lies before it can be read; all that comes after it is told. */
      readonly tail: Offset
      readonly closed: boolean
      /** Of a stream that is closed already: what it was closed with. */
      readonly end?: Json
      /** Ends the watch: nothing is told once it was called. */
      readonly stop: () => void
    }
  | { readonly outcome: 'missing' }
