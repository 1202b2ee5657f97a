/**
 * One channel: messages that wait for a receiver, or receivers that wait for a message.
 *
 * Invariants: never both at once; messages leave in the order they came; at most `capacity` of them
 * are held. Because all are kept equally long, the oldest is the first to expire, so that expiry only
 * ever looks at the head. Every operation costs the same however much is held, apart from dropping,
 * which costs a step per message dropped.
 */
import { copyAgain } from '../message.ts'
import type { ChannelMessage } from '../layer.ts'
import { WaitingReceivers } from './receivers.ts'

/** A singly linked list rather than an array: taking the head is free, and frees it. */
interface Held {
  readonly message: ChannelMessage
  readonly shared: boolean
  readonly expiresAt: number
  next: Held | undefined
}

export class ChannelQueue {
  readonly capacity: number
  readonly #receivers = new WaitingReceivers<ChannelMessage>()
  readonly #onExpired: ((messages: number) => void) | undefined
  #first: Held | undefined
  #last: Held | undefined
  #length = 0
  /** Messages that receivers got, and how many it were when a turn was last asked for. */
  #taken = 0
  #takenAtTurn = 0

  /** @param onExpired is told of messages that nobody received in time. */
  constructor(capacity: number, onExpired?: (messages: number) => void) {
    this.capacity = capacity
    this.#onExpired = onExpired
  }

  /** Messages held, expired ones included until something looks at them. */
  get length(): number {
    return this.#length
  }

  get receivers(): number {
    return this.#receivers.size
  }

  /** Whether forgetting this queue would lose nothing. */
  get idle(): boolean {
    return this.#length === 0 && this.#receivers.size === 0
  }

  /**
   * Hands a message to the receiver whose turn it is, or holds it until `expiresAt`; false when it is
   * full, and then nothing changed. Times are milliseconds of one clock that never goes back.
   *
   * A `shared` message is in other queues too: each receiver gets a copy, made only when it is taken,
   * so that a group send that waits in a thousand queues is held once.
   */
  put(message: ChannelMessage, shared: boolean, now: number, expiresAt: number): boolean {
    if (this.#receivers.size > 0 && this.#receivers.hand(shared ? copyAgain(message) : message)) {
      this.#taken++
      return true
    }
    this.dropExpired(now)
    if (this.#length >= this.capacity) return false
    const held: Held = { message, shared, expiresAt, next: undefined }
    if (this.#last) this.#last.next = held
    else this.#first = held
    this.#last = held
    this.#length++
    return true
  }

  /**
   * Whether whoever puts more should let the event loop turn first: the queue is filling up, and its
   * receiver takes what it gets, and only had no chance to. Asked again before it took anything the answer
   * is no, so that a receiver that is stuck holds nobody up.
   */
  wantsTurn(): boolean {
    if (this.#length * 2 < this.capacity || this.#taken === this.#takenAtTurn) return false
    this.#takenAtTurn = this.#taken
    return true
  }

  /** Takes the oldest message, or waits for one; see `ChannelLayer.receive` for the signal. */
  receive(now: number, signal?: AbortSignal): Promise<ChannelMessage> {
    if (signal?.aborted) return Promise.reject(signal.reason as Error)
    this.dropExpired(now)
    const held = this.#first
    if (!held) return this.#receivers.wait(signal)
    this.#dropFirst(held)
    this.#taken++
    return Promise.resolve(held.shared ? copyAgain(held.message) : held.message)
  }

  dropExpired(now: number): void {
    let expired = 0
    for (; this.#first && this.#first.expiresAt <= now; expired++) this.#dropFirst(this.#first)
    if (expired > 0) this.#onExpired?.(expired)
  }

  /** Drops every message; receivers go on waiting. */
  clear(): void {
    this.#first = this.#last = undefined
    this.#length = 0
  }

  /** Ends the queue: its messages are dropped and those who wait get the reason. */
  end(reason: Error): void {
    this.clear()
    this.#receivers.rejectAll(reason)
  }

  #dropFirst(held: Held): void {
    this.#first = held.next
    if (!held.next) this.#last = undefined
    this.#length--
  }
}
