/**
 * What one socket is asked for of one stream, on behalf of all readers of it.
 *
 * A socket has one subscription to a stream. With several readers it begins at the place that is
 * furthest back, and those further on drop what they have seen. A new question waits for the answer
 * to the last one, so that each answer is known to belong to its question, and what comes in between
 * to none.
 *
 * A reader further on was at its place in the log that it read from then. Whether that is this log, the
 * server says to whoever asks for this place: it is asked for when the records come to it.
 */
import { type AskedPlace, type Offset, decodeOffset, isAt } from '../protocol/offset.ts'
import type {
  ClientFrame,
  EndFrame,
  ErrorFrame,
  RecordsFrame,
  ServerFrame,
} from '../protocol/stream-frames.ts'
import { retryDelay } from './backoff.ts'
import { StreamError } from './errors.ts'
import { type Reader, bytesOf, placeText } from './reader.ts'

/** The frames that are about one stream. */
export type StreamFrame =
  | Extract<ServerFrame, { type: 'subscribed' | 'records' | 'end' | 'gone' }>
  | ErrorFrame

export class Subscription {
  readonly readers: Set<Reader> = new Set()
  readonly #stream: string
  readonly #send: (frame: ClientFrame) => void
  /** The offset of the question that has no answer yet. */
  #asked: string | undefined
  #live = false
  /** Whose place the server found in the log that it sends. */
  #proven = new WeakSet<Reader>()
  #failures = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(stream: string, send: (frame: ClientFrame) => void) {
    this.#stream = stream
    this.#send = send
  }

  /** Whether somebody reads, or an answer is on its way. */
  get needed(): boolean {
    return this.readers.size > 0 || this.#asked !== undefined
  }

  /** Asks for what the readers need, now or behind the next answer. For when there is a connection. */
  ask(): void {
    clearTimeout(this.#timer)
    const place = furthestBack(this.readers)
    if (this.#asked !== undefined || place === undefined) return
    this.#asked = placeText(place)
    this.#send({ type: 'subscribe', stream: this.#stream, offset: this.#asked })
  }

  /** The connection, and with it what was asked, is gone. */
  reset(): void {
    clearTimeout(this.#timer)
    this.#asked = undefined
    this.#over()
  }

  /** Nobody reads any more. For when there is a connection. */
  end(): void {
    clearTimeout(this.#timer)
    if (this.#live) this.#send({ type: 'unsubscribe', stream: this.#stream })
    this.#over()
  }

  receive(frame: StreamFrame): void {
    switch (frame.type) {
      case 'subscribed':
        return this.#subscribed(frame.offset)
      case 'records':
        return this.#records(frame)
      case 'end':
        return this.#ended(frame)
      case 'gone':
        return this.#fail(new StreamError('gone', `The stream is gone (${frame.reason}).`, frame.reason))
      case 'error':
        return this.#refused(frame)
    }
  }

  #subscribed(offset: string): void {
    const asked = this.#asked
    if (asked === undefined) return
    const at = decodeOffset(offset)
    this.#asked = undefined
    this.#live = true
    for (const reader of Array.from(this.readers)) {
      if (placeText(reader.place) === asked) this.#proven.add(reader)
      reader.subscribed(asked, at)
    }
    // Some came while it was asked, and where `now` is was asked for one of them. Whoever's very place was
    // asked for misses records: a server that begins too late is asked once more, and not for ever.
    const complete = [...this.readers].map((reader) => {
      if (!reader.isBehind(at)) return true
      return placeText(reader.place) === asked && reader.records(at, at, [])
    })
    if (complete.includes(false)) this.ask()
  }

  #records({ from, offset, records, encoding }: RecordsFrame): void {
    if (this.#asked !== undefined) return
    const [at, to] = [decodeOffset(from), decodeOffset(offset)]
    const values = encoding === 'base64' ? records.map(bytesOf) : records
    this.#failures = 0
    this.#deliver((reader) => {
      const { place } = reader
      const isAhead = typeof place !== 'string' && place.position >= to.position
      return (isAhead || this.#goesOn(reader, at)) && reader.records(at, to, values)
    })
  }

  #ended(frame: EndFrame): void {
    if (this.#asked !== undefined) return
    this.#live = false
    const at = decodeOffset(frame.offset)
    this.#deliver((reader) => this.#goesOn(reader, at) && reader.end(at, frame.end))
    this.#over()
  }

  /** Whether a reader stands in the log that goes on at this place, as far as is known; behind it, it asks anyway. */
  #goesOn(reader: Reader, at: Offset): boolean {
    const { place } = reader
    if (typeof place === 'string' || place.position < at.position || this.#proven.has(reader)) return true
    if (!isAt(place, at) && place.position > 0) return false
    this.#proven.add(reader)
    return true
  }

  /** Nothing comes of what was asked. */
  #over(): void {
    this.#live = false
    this.#proven = new WeakSet()
  }

  /** Hands something to every reader, and asks again when one of them misses what was before. */
  #deliver(hand: (reader: Reader) => boolean): void {
    const complete = [...this.readers].map(hand)
    if (complete.includes(false)) this.ask()
  }

  #refused({ code, message, first }: ErrorFrame): void {
    const asked = this.#asked
    this.#asked = undefined
    this.#over()
    if (code === 'store_failed') {
      this.#timer = setTimeout(() => this.ask(), retryDelay(this.#failures++) * 1000)
      return
    }
    // A wrong offset is the fault of the reader that brought it, and no concern of the others.
    const guilty = code.includes('offset') ? asked : undefined
    this.#fail(new StreamError(code, message, undefined, undefined, first), (reader) => {
      // One that was asked for, or that somebody had come to; those further on have missed nothing.
      if (first !== undefined) return isBefore(reader.place, decodeOffset(first))
      return guilty === undefined || placeText(reader.place) === guilty
    })
    this.ask()
  }

  #fail(error: StreamError, isMeant: (reader: Reader) => boolean = () => true): void {
    this.#over()
    for (const reader of Array.from(this.readers)) if (isMeant(reader)) reader.fail(error)
  }
}

function isBefore(place: AskedPlace, { position }: Offset): boolean {
  return typeof place !== 'string' && place.position < position
}

/** `now` comes first: it is asked for to learn where it is. */
function furthestBack(readers: ReadonlySet<Reader>): AskedPlace | undefined {
  let furthest: AskedPlace | undefined
  for (const { place } of readers) {
    if (place === 'now') return place
    if (furthest === undefined || place === 'start') furthest = place
    else if (furthest !== 'start' && place.position < (furthest as { position: number }).position)
      furthest = place
  }
  return furthest
}
