/**
 * The watchers of streams in this process, and how far each stream was told.
 *
 * Invariant: the events of a watched stream are contiguous. `told` is where the next event begins; a store reads it
 * before it tells. Events are told in order, even when a listener causes another one while it is called.
 */
import type { Logger } from '../../logging/logger.ts'
import type { Json } from '../../protocol/json.ts'
import type { Offset } from '../../protocol/offset.ts'
import { GatheredEvents } from './gathered-events.ts'
import { StreamInbox } from '../watching.ts'
import type { StreamRecord } from '../stream.ts'
import type { GoneReason, StreamEvent, WatchListener } from '../watching.ts'

/** A watched stream. */
export interface WatchedStream {
  readonly id: string
  readonly incarnation: string
  /** Position after the last record that was told, and the stamp of that record. */
  readonly told: number
  readonly stamp: string
  readonly closed: boolean
  /** What it was closed with, if the watchers were told. */
  readonly end?: Json | undefined
}

interface Entry extends WatchedStream {
  told: number
  stamp: string
  closed: boolean
  end: Json | undefined
  /** Never changed in place: a queued event goes to the watchers present when it came. */
  watchers: readonly Watcher[]
}

interface Watcher {
  add(event: StreamEvent): void
  /** From now on, added events are ignored. */
  close(): void
}

export class Watchers {
  readonly #streams = new Map<string, Entry>()
  /** Events that came while another one was being told. */
  readonly #queue: { readonly watchers: readonly Watcher[]; readonly event: StreamEvent }[] = []
  readonly #logger: Logger
  #telling = false

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Number of watched streams. */
  get size(): number {
    return this.#streams.size
  }

  get(id: string): WatchedStream | undefined {
    return this.#streams.get(id)
  }

  /** A copy, which does not change while events end watches. */
  all(): readonly WatchedStream[] {
    return [...this.#streams.values()]
  }

  /** Watches from `tail`. If the stream is watched already, that must be where it was told up to. */
  add(id: string, incarnation: string, tail: Offset, closed: boolean, listener: WatchListener): () => void {
    let entry = this.#streams.get(id)
    if (!entry) {
      const { position: told, stamp } = tail
      entry = { id, incarnation, told, stamp, closed, end: undefined, watchers: [] }
      this.#streams.set(id, entry)
    }
    const watched = entry
    const watcher = listener instanceof StreamInbox ? new GatheredEvents(listener) : new Listener(listener)
    watched.watchers = [...watched.watchers, watcher]
    return () => {
      watcher.close()
      watched.watchers = watched.watchers.filter((other) => other !== watcher)
      if (watched.watchers.length === 0 && this.#streams.get(id) === watched) this.#streams.delete(id)
    }
  }

  /**
   * Tells records, or the close, that begin where the stream was told up to. A store may keep the result of `get` to
   * save the look-up; once the stream has no watchers, nothing is told.
   */
  tell(
    stream: string | WatchedStream,
    records: readonly StreamRecord[],
    next: Offset,
    closed: boolean,
    end?: Json,
  ): void {
    const entry = typeof stream === 'string' ? this.#streams.get(stream) : (stream as Entry)
    if (!entry) return
    const from = { position: entry.told, stamp: entry.stamp }
    entry.told = next.position
    entry.stamp = next.stamp
    entry.closed = closed
    entry.end = end
    const event: StreamEvent = { type: 'append', from, next, records, closed }
    this.#tellAll(entry, end === undefined ? event : { ...event, end })
  }

  /** Tells that a stream is gone, and forgets its watchers. */
  tellGone(id: string, reason: GoneReason): void {
    const entry = this.#streams.get(id)
    if (!entry) return
    this.#streams.delete(id)
    this.#tellAll(entry, { type: 'gone', reason })
  }

  /** Forgets all watchers, without an event. */
  clear(): void {
    for (const { watchers } of this.#streams.values()) {
      for (const watcher of watchers) watcher.close()
    }
    this.#streams.clear()
  }

  /** A watcher added while this event is queued has its records before its tail. */
  #tellAll({ watchers }: Entry, event: StreamEvent): void {
    this.#queue.push({ watchers, event })
    if (this.#telling) return
    this.#telling = true
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      for (const watcher of next.watchers) this.#tellOne(watcher, next.event)
    }
    this.#telling = false
  }

  #tellOne(watcher: Watcher, event: StreamEvent): void {
    try {
      watcher.add(event)
    } catch (error) {
      this.#logger.error({ err: error }, 'listener of a stream threw')
    }
  }
}

class Listener implements Watcher {
  readonly #listen: (event: StreamEvent) => void
  #isActive = true

  constructor(listen: (event: StreamEvent) => void) {
    this.#listen = listen
  }

  add(event: StreamEvent): void {
    if (this.#isActive) this.#listen(event)
  }

  close(): void {
    this.#isActive = false
  }
}

/** Ends a watch with its signal. The returned function ends it as well. */
export function stopWith(signal: AbortSignal | undefined, stop: () => void): () => void {
  if (!signal) return stop
  const stopBoth = (): void => {
    signal.removeEventListener('abort', stopBoth)
    stop()
  }
  signal.addEventListener('abort', stopBoth, { once: true })
  return stopBoth
}
