/** What who watches a stream is told: part of the contract of `StreamStore`. */
import type { Json } from '../protocol/json.ts'
import type { Offset } from '../protocol/offset.ts'
import type { StreamRecord } from './stream.ts'

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

/** Where an inbox takes its events from: a store's side of it. */
export interface InboxSource {
  /** The next event, undefined when there is none: then the inbox has to be called again for the next one. */
  take(): StreamEvent | undefined
}

/**
 * What came on a stream since its owner last looked, in as few pieces as can be. For a watcher that has
 * a time of its own for what it does: on a busy stream it is called once, and takes many appends
 * together.
 */
export class StreamInbox {
  #source: InboxSource | undefined
  #called = false
  readonly #onNews: (() => void) | undefined

  /** What `news` calls. An owner that extends the class needs none. */
  constructor(onNews?: () => void) {
    this.#onNews = onNews
  }

  /**
   * Something came. Not called again before all was taken. It may take, end the watch and call the
   * store. It must not throw.
   */
  protected news(): void {
    this.#onNews?.()
  }

  /** The next event: the records of one append or of many. Undefined when all was taken. */
  take(): StreamEvent | undefined {
    const event = this.#source?.take()
    if (!event) this.#called = false
    return event
  }

  /** For the store that is watched with it: from here events are taken. An inbox is for one watch. */
  open(source: InboxSource): void {
    this.#source = source
  }

  /** For the store: there is something to take. */
  call(): void {
    if (this.#called || !this.#source) return
    this.#called = true
    this.news()
  }

  /** For the store: the watch of this source was stopped, and nothing more is taken from it. */
  close(source: InboxSource): void {
    if (this.#source === source) this.#source = undefined
  }
}

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
