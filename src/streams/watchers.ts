/**
 * Who watches which stream in this process, and how far each stream was told.
 *
 * The invariant: what a watched stream is told is contiguous. `told` is where the next event begins,
 * and a store asks for it before it tells. Events are told in the order they come, also when a
 * listener causes another one while it is being told.
 */
import type { Logger } from '../logging/logger.ts'
import type { Offset } from '../protocol/offset.ts'
import type { StreamEvent, WatchListener } from './store.ts'

/** A stream that somebody watches. */
export interface WatchedStream {
  readonly id: string
  readonly incarnation: string
  /** Position after the last record that was told. */
  readonly told: number
  readonly closed: boolean
}

interface Entry extends WatchedStream {
  told: number
  closed: boolean
  /** Never changed in place: an event that waits goes to those who watched when it came. */
  watchers: readonly Watcher[]
}

interface Watcher {
  readonly listener: WatchListener
  active: boolean
}

export class Watchers {
  readonly #streams = new Map<string, Entry>()
  /** Events that came while another one was told. */
  readonly #queue: { readonly watchers: readonly Watcher[]; readonly event: StreamEvent }[] = []
  readonly #logger: Logger
  #telling = false

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** How many streams are watched. */
  get size(): number {
    return this.#streams.size
  }

  get(id: string): WatchedStream | undefined {
    return this.#streams.get(id)
  }

  /** A copy: it stays whole while events end watches. */
  all(): readonly WatchedStream[] {
    return [...this.#streams.values()]
  }

  /** Watches from `tail`, which is where the stream was told up to when somebody watches it already. */
  add(id: string, tail: Offset, closed: boolean, listener: WatchListener): () => void {
    let entry = this.#streams.get(id)
    if (!entry) {
      entry = { id, incarnation: tail.incarnation, told: tail.position, closed, watchers: [] }
      this.#streams.set(id, entry)
    }
    const watched = entry
    const watcher: Watcher = { listener, active: true }
    watched.watchers = [...watched.watchers, watcher]
    return () => {
      watcher.active = false
      watched.watchers = watched.watchers.filter((other) => other !== watcher)
      if (watched.watchers.length === 0 && this.#streams.get(id) === watched) this.#streams.delete(id)
    }
  }

  /**
   * Tells an event that begins where the stream was told up to. A store may keep what `get` gave, to be
   * spared the search; once nobody watches it, nobody is told.
   */
  tell(stream: string | WatchedStream, event: StreamEvent): void {
    const entry = typeof stream === 'string' ? this.#streams.get(stream) : (stream as Entry)
    if (!entry) return
    if (event.type === 'gone') this.#streams.delete(entry.id)
    else {
      entry.told = event.next.position
      entry.closed = event.closed
    }
    // Who begins to watch while this event waits has its records before its tail.
    const { watchers } = entry
    if (this.#telling) {
      this.#queue.push({ watchers, event })
      return
    }
    this.#telling = true
    this.#tellAll(watchers, event)
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      this.#tellAll(next.watchers, next.event)
    }
    this.#telling = false
  }

  /** Forgets everybody, without a word. */
  clear(): void {
    for (const entry of this.#streams.values()) {
      for (const watcher of entry.watchers) watcher.active = false
    }
    this.#streams.clear()
  }

  #tellAll(watchers: readonly Watcher[], event: StreamEvent): void {
    for (const watcher of watchers) {
      if (!watcher.active) continue
      try {
        watcher.listener(event)
      } catch (error) {
        this.#logger.error({ err: error }, 'A listener to a stream threw')
      }
    }
  }
}

/** Ends a watch with its signal; returns what ends it either way. */
export function stopWith(signal: AbortSignal | undefined, stop: () => void): () => void {
  if (!signal) return stop
  const stopBoth = (): void => {
    signal.removeEventListener('abort', stopBoth)
    stop()
  }
  signal.addEventListener('abort', stopBoth, { once: true })
  return stopBoth
}
