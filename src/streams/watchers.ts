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

interface Entry {
  readonly id: string
  readonly incarnation: string
  told: number
  closed: boolean
  readonly watchers: Set<Watcher>
}

interface Watcher {
  readonly listener: WatchListener
  active: boolean
}

export class Watchers {
  readonly #streams = new Map<string, Entry>()
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
      entry = { id, incarnation: tail.incarnation, told: tail.position, closed, watchers: new Set() }
      this.#streams.set(id, entry)
    }
    const watched = entry
    const watcher: Watcher = { listener, active: true }
    watched.watchers.add(watcher)
    return () => {
      watcher.active = false
      watched.watchers.delete(watcher)
      if (watched.watchers.size === 0 && this.#streams.get(id) === watched) this.#streams.delete(id)
    }
  }

  /** Tells an event that begins where the stream was told up to. */
  tell(id: string, event: StreamEvent): void {
    const entry = this.#streams.get(id)
    if (!entry) return
    if (event.type === 'gone') this.#streams.delete(id)
    else {
      entry.told = event.next.position
      entry.closed = event.closed
    }
    // Who begins to watch while this event waits has its records before its tail.
    this.#queue.push({ watchers: [...entry.watchers], event })
    if (!this.#telling) this.#tellAll()
  }

  /** Forgets everybody, without a word. */
  clear(): void {
    for (const entry of this.#streams.values()) {
      for (const watcher of entry.watchers) watcher.active = false
    }
    this.#streams.clear()
  }

  #tellAll(): void {
    this.#telling = true
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      for (const watcher of next.watchers) {
        if (!watcher.active) continue
        try {
          watcher.listener(next.event)
        } catch (error) {
          this.#logger.error({ err: error }, 'A listener to a stream threw')
        }
      }
    }
    this.#telling = false
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
