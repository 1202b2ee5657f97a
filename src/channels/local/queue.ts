/**
 * The queue of one channel: messages that wait for a receiver, or receivers that wait for a message.
 *
 * Invariants: never both at once; messages leave in the order they came; at most `capacity` of them are
 * held. All messages are kept equally long, so the oldest expires first and expiry looks at the head only.
 * Every operation takes constant time, except dropping, which takes a step per message.
 */
import { copyAgain } from '../message.ts'
import type { ChannelMessage } from '../layer.ts'
import { WaitingReceivers } from './receivers.ts'

/** An item of a singly linked list: unlike with an array, taking the head moves nothing. */
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
  /** Messages that receivers got, in all and at the time of the last `wantsTurn`. */
  #taken = 0
  #takenAtTurn = 0

  /** @param onExpired gets the number of messages that expired. */
  constructor(capacity: number, onExpired?: (messages: number) => void) {
    this.capacity = capacity
    this.#onExpired = onExpired
  }

  /** Messages held, including expired ones that were not dropped yet. */
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
   * Gives a message to the next receiver, or holds it until `expiresAt`. Returns false, and changes nothing,
   * when the queue is full. Times are milliseconds of one clock that never goes back.
   *
   * A `shared` message is in other queues too. Each receiver gets a copy, made when it is taken, so that a
   * group message that waits in a thousand queues is held once.
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
   * Whether a caller should let the event loop turn before it puts more: the queue is filling up, and its
   * receiver is active but had no chance to run. Returns false until the receiver has taken another message,
   * so that a stuck receiver delays no sender.
   */
  wantsTurn(): boolean {
    if (this.#length * 2 < this.capacity || this.#taken === this.#takenAtTurn) return false
    this.#takenAtTurn = this.#taken
    return true
  }

  /** Takes the oldest message, or waits for one; for the signal see `ChannelLayer.receive`. */
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

  /** Ends the queue: drops its messages and rejects waiting receivers with the reason. */
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
