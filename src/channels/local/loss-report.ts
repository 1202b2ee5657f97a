/** Counts the messages that a layer drops, and logs the counts at a limited rate. */
import type { Logger } from '../../logging/logger.ts'

/** Shortest time between two lines of the same text, in milliseconds. */
const QUIET = 10_000

export class LossReport {
  readonly #logger: Logger
  readonly #saidAt = new Map<string, number>()
  #dropped = 0
  #expired = 0
  #unreadable = 0
  #unheard = 0
  #gaps = 0

  constructor(logger: Logger) {
    this.#logger = logger
  }

  get dropped(): number {
    return this.#dropped
  }

  get expired(): number {
    return this.#expired
  }

  get unreadable(): number {
    return this.#unreadable
  }

  get unheard(): number {
    return this.#unheard
  }

  get gaps(): number {
    return this.#gaps
  }

  countFull(messages: number): void {
    if (messages === 0) return
    this.#dropped += messages
    this.#say('channel messages dropped: their channels are full', { dropped: this.#dropped })
  }

  countExpired(messages: number): void {
    if (messages === 0) return
    this.#expired += messages
    this.#say('channel messages dropped: not received in time', { expired: this.#expired })
  }

  /** @param reason does not quote the message. */
  countUnreadable(reason: string): void {
    this.#unreadable++
    this.#say('channel message dropped: it cannot be read', { reason, unreadable: this.#unreadable })
  }

  countUnheard(): void {
    this.#unheard++
    this.#say('channel message lost: no process listened', { unheard: this.#unheard })
  }

  countGap(): void {
    this.#gaps++
    this.#say('channel messages may have been missed: the connection to Redis was lost and is back', {
      gaps: this.#gaps,
    })
  }

  countForgotten(groups: number): void {
    if (groups === 0) return
    const text =
      'groups of this process were missing in Redis (evicted or deleted?) and have been joined again'
    this.#say(text, { groups })
  }

  #say(text: string, fields: object): void {
    const now = performance.now()
    if (now - (this.#saidAt.get(text) ?? Number.NEGATIVE_INFINITY) < QUIET) return
    this.#saidAt.set(text, now)
    this.#logger.warn(fields, text)
  }
}
