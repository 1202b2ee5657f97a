/**
 * Waits for chats that do not exist yet. The feed of the owner says that one was created, in whichever process. A chat
 * without an owner is in no feed: this process knows at once of what it creates itself, and looks for the rest.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Delivery } from '../delivery/delivery.ts'
import type { StreamInfo } from '../streams/stream.ts'
import type { ChatFeeds } from './chat-feeds.ts'
import { chatStreamId } from './chat-ids.ts'
import { batchesFrom } from './following.ts'
import type { ChatPlace } from './history.ts'
import { newsIn } from '../conversation/news.ts'

/** Milliseconds between two looks, for chats without a feed, and in case that a feed was not told. */
const LOOK_MS = 2000
const LOOK_BEHIND_MS = 30_000

export class Arrivals {
  readonly #feeds: ChatFeeds
  readonly #delivery: () => Delivery
  /** What to call when a chat is created here, by its stream. */
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor(feeds: ChatFeeds, delivery: () => Delivery) {
    this.#feeds = feeds
    this.#delivery = delivery
  }

  /** A chat was created in this process. */
  arrived(place: ChatPlace): void {
    for (const wake of this.#waiting.get(chatStreamId(place)) ?? []) wake()
  }

  /**
   * Resolves to what `look` finds, once it finds something; to undefined when the signal aborts, or this process stops
   * delivering. Rejects as `look` and the store do.
   */
  async wait<T>(
    place: ChatPlace,
    look: () => Promise<T | undefined>,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    while (!signal.aborted) {
      const over = new AbortController()
      const here = this.#created(place, over.signal)
      try {
        const { owner } = place
        const feed = owner === undefined ? undefined : await this.#feeds.stream(owner, signal)
        // What is created from here on is noticed.
        const found = await look()
        if (found !== undefined || signal.aborted) return found
        const ended = AbortSignal.any([signal, over.signal])
        const pause = sleep(feed ? LOOK_BEHIND_MS : LOOK_MS, true, { signal: ended, ref: false })
        const signs = [here, pause.catch(() => true), ...(feed ? [this.#told(feed, place, ended)] : [])]
        if (!(await Promise.race(signs))) return undefined
      } finally {
        over.abort()
      }
    }
    return undefined
  }

  /** Resolves when the chat is created in this process. */
  #created(place: ChatPlace, signal: AbortSignal): Promise<boolean> {
    const stream = chatStreamId(place)
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const waiting = this.#waiting.get(stream) ?? new Set()
    const wake = (): void => resolve(true)
    this.#waiting.set(stream, waiting.add(wake))
    const leave = (): void => {
      waiting.delete(wake)
      if (waiting.size === 0) this.#waiting.delete(stream)
    }
    signal.addEventListener('abort', leave, { once: true })
    return promise
  }

  /** Resolves to true when the feed tells of the chat, or has to be looked up again; to false without delivery. */
  async #told(
    { id, incarnation, tail }: StreamInfo,
    { chat }: ChatPlace,
    signal: AbortSignal,
  ): Promise<boolean> {
    const batches = batchesFrom(this.#delivery(), id, tail, incarnation, signal)
    try {
      for (;;) {
        const next = await batches.next()
        if (next.done) return next.value?.type !== 'closing'
        if (next.value.records.some((record) => newsIn(JSON.parse(String(record)))?.chat === chat))
          return true
      }
    } finally {
      await batches.return(undefined)
    }
  }
}
