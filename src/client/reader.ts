/**
 * A reader of one stream: a place in it, and the records that came from there and were not yet taken.
 *
 * It proves what it hands on. Every batch says where it begins; what was seen before is dropped, and
 * a batch that begins later than it should is refused and asked for again from the last good place.
 */
import type { Json } from '../protocol/json.ts'
import { type Offset, type Place, encodeOffset } from '../protocol/offset.ts'
import { readRunEnd } from '../protocol/run-end.ts'
import { type EndFrame, isStreamId } from '../protocol/stream-frames.ts'
import { StreamError } from './errors.ts'
import { Listeners } from './listeners.ts'

/** `connecting` until the server answers, `running` while records may follow, then how it ended. */
export type StreamStatus = 'connecting' | 'running' | EndFrame['status'] | 'gone' | 'error'

/** One record: a JSON value, or bytes of a stream of bytes. */
export type Received = Json | Uint8Array

export type HowItEnded = Pick<EndFrame, 'status' | 'reason' | 'message'>

/** A record of a stream of bytes, as it is written in JSON. */
export function bytesOf(base64: Json): Uint8Array {
  return Uint8Array.from(atob(base64 as string), (character) => character.charCodeAt(0))
}

/** What a reader asks of its client. */
export interface ReaderHost {
  follow(reader: Reader): void
  unfollow(reader: Reader): void
}

/** Records that may wait to be taken before the reader stops following until they are. */
const MAX_WAITING = 10_000

export class Reader {
  readonly id: string
  readonly listeners: Listeners = new Listeners()
  status: StreamStatus = 'connecting'
  error: StreamError | undefined
  /** Behind the last record that came. */
  place: Place
  /** False while more records wait than may, and when nothing comes any more. */
  following = true
  readonly #host: ReaderHost
  #waiting: Received[] = []
  /** How many of those were taken. */
  #taken = 0
  /** The last record, while it may turn out to be the run's end rather than one of its provider. */
  #held: Received | undefined
  /** Whether that was the run's end, which is behind what still waits. */
  #endHeld = false
  #closed = false
  #refused = false

  constructor(id: string, place: Place, host: ReaderHost) {
    this.id = id
    this.place = place
    this.#host = host
    // A server that cannot read an id does not name it in its answer, and nobody would hear of it.
    if (isStreamId(id)) host.follow(this)
    else this.fail(new StreamError('stream_not_found', 'An id is 1 to 512 printable ASCII characters.'))
  }

  /** Whether nothing comes any more. */
  get done(): boolean {
    return this.#closed || (this.status !== 'connecting' && this.status !== 'running')
  }

  get waiting(): number {
    return this.#waiting.length - this.#taken
  }

  /** Behind the last record that was taken. */
  get takenTo(): Place {
    const { place } = this
    if (typeof place === 'string') return place
    const held = this.#held !== undefined || (this.#endHeld && this.waiting > 0)
    return { ...place, position: place.position - this.waiting - (held ? 1 : 0) }
  }

  /** Takes the first of the waiting records, of which there is one. */
  shift(): Received {
    const record = this.#waiting[this.#taken++] as Received
    if (this.waiting === 0) this.#emptied()
    return record
  }

  /** Takes all waiting records. */
  take(): Received[] {
    const records = this.#taken === 0 ? this.#waiting : this.#waiting.slice(this.#taken)
    this.#emptied()
    return records
  }

  /** What was asked for begins here. */
  subscribed(asked: string, at: Offset): void {
    // A word becomes a place, so that a reconnect leaves out nothing that came meanwhile.
    if (typeof this.place === 'string' && placeText(this.place) === asked) {
      this.place = this.place === 'start' ? { ...at, position: 0 } : at
    }
    const { place } = this
    if (typeof place === 'string') return
    if (place.incarnation !== at.incarnation) {
      return this.fail(new StreamError('foreign_offset', 'The offset is of another stream.'))
    }
    if (this.status === 'connecting') this.#become('running')
  }

  /** Whether the records after `at` would leave some out. */
  isBehind(at: Offset): boolean {
    const { place } = this
    return typeof place === 'string' || place.incarnation !== at.incarnation || place.position < at.position
  }

  /** False when records before these are missing: what follows `place` is to be sent again. */
  records(from: Offset, records: readonly Received[]): boolean {
    if (this.done) return true
    const { place } = this
    if (typeof place === 'string' || this.isBehind(from)) return this.#refuse()
    this.#refused = false
    const fresh = records.slice(place.position - from.position)
    const last = fresh.pop()
    if (last === undefined) return true
    if (this.#held !== undefined) this.#waiting.push(this.#held)
    for (const record of fresh) this.#waiting.push(record)
    this.#held = endIn(last) ? last : undefined
    if (this.#held === undefined) this.#waiting.push(last)
    this.place = { ...from, position: from.position + records.length }
    this.#become('running')
    if (this.waiting >= MAX_WAITING) this.#unfollow()
    return true
  }

  /**
   * The stream is closed, and this is its end. How it ended is in its last record where it is not said.
   * False as for `records`.
   */
  end(at: Offset, how: HowItEnded | undefined): boolean {
    if (this.done) return true
    if (this.isBehind(at)) return this.#refuse()
    const { status, reason, message } = how ?? endIn(this.#held) ?? { status: 'closed' }
    this.#endHeld = this.#held !== undefined
    this.#held = undefined
    if (status === 'failed') this.error = new StreamError('failed', message ?? 'The run failed.', reason)
    this.#finish(status)
    return true
  }

  fail(error: StreamError): void {
    if (this.done) return
    this.error = error
    this.#finish(error.code === 'gone' ? 'gone' : 'error')
  }

  /** Lets go of the stream, and of what was not taken. */
  close(): void {
    if (this.#closed) return
    this.place = this.takenTo
    this.#closed = true
    this.#waiting = []
    this.#taken = 0
    this.#held = undefined
    this.#unfollow()
    this.listeners.tell()
  }

  /** A gap is a fault of the connection at first; the second time it is one of the server. */
  #refuse(): boolean {
    if (this.#refused) this.fail(new StreamError('gap', 'The server left out records of this stream.'))
    this.#refused = true
    return this.done
  }

  #emptied(): void {
    this.#waiting = []
    this.#taken = 0
    if (this.following || this.done) return
    this.following = true
    this.#host.follow(this)
  }

  #unfollow(): void {
    this.following = false
    this.#host.unfollow(this)
  }

  #finish(status: StreamStatus): void {
    this.status = status
    this.#unfollow()
    this.listeners.tell()
  }

  #become(status: StreamStatus): void {
    this.status = status
    this.listeners.tell()
  }
}

/** A place as a reader writes it. */
export function placeText(place: Place): string {
  if (typeof place !== 'string') return encodeOffset(place)
  return place === 'start' ? '-1' : place
}

function endIn(record: Received | undefined): HowItEnded | undefined {
  return record === undefined || record instanceof Uint8Array ? undefined : readRunEnd(record)
}
