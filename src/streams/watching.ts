/** Watching a stream: events, listeners and inboxes. Part of the contract of `StreamStore`. */
import type { Json } from '../protocol/json.ts'
import type { Offset } from '../protocol/offset.ts'
import type { StreamRecord } from './stream.ts'

/** An event for a watcher. */
export type StreamEvent =
  | {
      readonly type: 'append'
      /** Where the watcher was: the tail returned by `watch`, or `next` of the previous event. */
      readonly from: Offset
      readonly next: Offset
      /** Empty if the stream was only closed. Shared with other watchers. */
      readonly records: readonly StreamRecord[]
      /**
       * JSON records with commas between them, as UTF-8, if the store has them in this form: for writing them into an
       * array without looking at each. Do not write to it.
       */
      readonly json?: Uint8Array | undefined
      readonly closed: boolean
      /** With `closed`: what the stream was closed with. */
      readonly end?: Json | undefined
    }
  /** The last event. */
  | { readonly type: 'gone'; readonly reason: GoneReason }

/**
 * Why a watch ended. `lost`: the store has lost records that it had told. `trimmed`: records were trimmed before the
 * watcher was told of them, because it lagged far; the stream exists, and can be watched again.
 */
export type GoneReason = 'deleted' | 'expired' | 'lost' | 'trimmed'

/** Where an inbox takes its events from; implemented by a store. */
export interface InboxSource {
  /** The next event; undefined if there is none. Then the source must call the inbox again for the next one. */
  take(): StreamEvent | undefined
}

/**
 * Collects what has come on a stream since its owner last took it, in as few pieces as possible. For a watcher with
 * its own schedule: on a busy stream it is called once, and takes many appends together.
 */
export class StreamInbox {
  #source: InboxSource | undefined
  #called = false
  readonly #onNews: (() => void) | undefined

  /** @param onNews called by `news`. Not needed by a subclass. */
  constructor(onNews?: () => void) {
    this.#onNews = onNews
  }

  /**
   * Called when something has come, and not again before all was taken. It may take, end the watch and call the
   * store. It must not throw.
   */
  protected news(): void {
    this.#onNews?.()
  }

  /** The next event: the records of one append or of several. Undefined when all was taken. */
  take(): StreamEvent | undefined {
    const event = this.#source?.take()
    if (!event) this.#called = false
    return event
  }

  /** For the store: events are taken from this source from now on. An inbox serves one watch. */
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

/** A watcher: a function called with each event at once, or an inbox that collects them until its owner takes them. */
export type WatchListener = ((event: StreamEvent) => void) | StreamInbox

export type WatchResult =
  | {
      readonly outcome: 'watching'
      readonly incarnation: string
      /** Records before it can be read; records after it are told. */
      readonly tail: Offset
      readonly closed: boolean
      /** What an already closed stream was closed with. */
      readonly end?: Json
      /** Ends the watch: no event follows this call. */
      readonly stop: () => void
    }
  | { readonly outcome: 'missing' }
