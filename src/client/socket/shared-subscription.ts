/**
 * One subscription of a socket to a stream, for all readers at the same place: they get the same records and go on
 * together until they leave. A reader at another place has a subscription of its own.
 *
 * Each question has a new number, so that frames that were on their way for an earlier one belong to nobody.
 */
import { type Offset, decodeOffset, isAt } from '../../protocol/offset.ts'
import type { EndFrame, RecordsFrame, ServerFrame } from '../../protocol/stream-frames.ts'
import { retryDelay } from '../network/backoff.ts'
import { errorIn, gone } from '../errors.ts'
import { type RemoteReader, bytesOf, placeText } from '../remote-reader.ts'

/** The frames that are about one subscription. */
export type SubscriptionFrame = Extract<
  ServerFrame,
  { type: 'subscribed' | 'records' | 'end' | 'gone' | 'error' }
>

/** What a subscription asks of its socket. */
export interface SharedSubscriptionHost {
  /** Asks for the stream from this offset, and returns the number of the question. */
  subscribe(subscription: SharedSubscription, offset: string): number
  /** A number is over: the server said so and knows it, or nothing more of it is wanted. */
  over(sub: number, isKnown: boolean): void
  /** A subscription takes no more readers. */
  retire(subscription: SharedSubscription): void
  /** As for a new reader. */
  follow(reader: RemoteReader): void
}

export class SharedSubscription {
  readonly stream: string
  readonly readers: Set<RemoteReader>
  readonly #host: SharedSubscriptionHost
  /** The number of what was asked on this connection. */
  #sub: number | undefined
  /** What was asked, until there is an answer. */
  #asked: string | undefined
  #failures = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(stream: string, reader: RemoteReader, host: SharedSubscriptionHost) {
    this.stream = stream
    this.readers = new Set([reader])
    this.#host = host
  }

  /** Takes a reader that stands where the others do; false for any other. */
  admits(reader: RemoteReader): boolean {
    const [{ place } = reader] = this.readers
    const asked = placeText(reader.place)
    const isAnswered = this.#sub !== undefined && this.#asked === undefined && typeof place !== 'string'
    // The answer says where the start is: before the first record that is kept.
    if (!(isAnswered ? isAt(reader.place, place) : asked === placeText(place))) return false
    if (isAnswered) reader.subscribed(asked, place)
    this.readers.add(reader)
    return true
  }

  /** Asks for what the readers are yet to be given. For when there is a connection. */
  ask(): void {
    clearTimeout(this.#timer)
    const [reader] = this.readers
    if (!reader) return
    this.#asked = placeText(reader.place)
    this.#sub = this.#host.subscribe(this, this.#asked)
  }

  /** The connection, and with it what was asked, is gone. */
  reset(): void {
    clearTimeout(this.#timer)
    this.#sub = this.#asked = undefined
  }

  /** What was asked is over: the server said so, or nothing more of it is wanted. */
  end(isKnown = false): void {
    if (this.#sub !== undefined) this.#host.over(this.#sub, isKnown)
    this.reset()
  }

  receive(frame: SubscriptionFrame): void {
    if (frame.type === 'subscribed') return this.#subscribed(decodeOffset(frame.offset))
    if (frame.type === 'records') return this.#records(frame)
    this.end(true)
    if (frame.type === 'error' && frame.code === 'store_failed') {
      this.#timer = setTimeout(() => this.ask(), retryDelay(this.#failures++) * 1000)
      return
    }
    // A listener that asks for the stream when told of its end gets a new answer.
    this.#host.retire(this)
    if (frame.type === 'end') return this.#ended(frame)
    const error = frame.type === 'gone' ? gone(frame.reason) : errorIn(frame)
    for (const reader of this.readers) reader.fail(error)
  }

  #subscribed(at: Offset): void {
    const asked = this.#asked
    if (asked === undefined) return
    this.#asked = undefined
    this.#deliver((reader) => {
      reader.subscribed(asked, at)
      // A server that begins too late is asked once more, not for ever.
      return reader.records(at, at, [])
    })
  }

  #records({ from, offset, records, encoding }: RecordsFrame): void {
    const [at, to] = [decodeOffset(from), decodeOffset(offset)]
    const values = encoding === 'base64' ? records.map(bytesOf) : records
    this.#failures = 0
    this.#deliver((reader) => reader.records(at, to, values))
  }

  #ended({ offset, end }: EndFrame): void {
    const at = decodeOffset(offset)
    this.#deliver((reader) => reader.end(at, end))
  }

  /** Hands something to every reader, and to those who come meanwhile, and asks anew when they miss what was before. */
  #deliver(hand: (reader: RemoteReader) => boolean): void {
    let isComplete = true
    for (const reader of this.readers) if (!hand(reader)) isComplete = false
    if (isComplete) return
    this.end()
    this.#host.retire(this)
    for (const reader of this.readers) this.#host.follow(reader)
  }
}
