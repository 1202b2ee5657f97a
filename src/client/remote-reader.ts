/**
 * A reader of one stream: a place in it, and the records that came from there and were not yet taken.
 *
 * It proves what it hands on. Every batch says where it begins and ends, and nobody counts its records:
 * a server may merge some for a reader that is late. What was seen before is dropped, and a batch that
 * begins later than it should is refused and asked for again from the last good place.
 */
import type { Json } from '../protocol/json.ts'
import { type AskedPlace, type Offset, encodeOffset, isAt, offsetBefore } from '../protocol/offset.ts'
import { type EndStatus, readRunEnd } from '../protocol/run-end.ts'
import { isStreamId } from '../protocol/stream-frames.ts'
import { StreamError, gone } from './errors.ts'
import { Listeners } from './listeners.ts'

/** `connecting` until the server answers, `running` while records may follow, then how it ended. */
export type StreamStatus = 'connecting' | 'running' | EndStatus | 'gone' | 'error'

/** One record: a JSON value, or bytes of a stream of bytes. */
export type Received = Json | Uint8Array

/** A record of a stream of bytes, as it is written in JSON. */
export function bytesOf(base64: Json): Uint8Array {
  return Uint8Array.from(atob(base64 as string), (character) => character.charCodeAt(0))
}

/** Records that came together, of which some were not taken yet. */
interface Piece {
  readonly from: Offset
  readonly to: Offset
  /** Whether there is not one for each position, so that there is no place between two of them. */
  readonly merged: boolean
  count: number
  taken: number
}

/** What a reader asks of its client. */
export interface RemoteReaderHost {
  follow(reader: RemoteReader): void
  unfollow(reader: RemoteReader): void
}

/** Records that may wait to be taken before the reader stops following until they are. */
const MAX_WAITING = 10_000

export class RemoteReader {
  readonly id: string
  readonly listeners: Listeners = new Listeners()
  status: StreamStatus = 'connecting'
  error: StreamError | undefined
  /** What the stream is closed with, once its end has come. */
  closedWith: Json | undefined
  /** Behind the last record that came. */
  place: AskedPlace
  /** False while more records wait than may, and when nothing comes any more. */
  following = true
  readonly #host: RemoteReaderHost
  #waiting: Received[] = []
  /** How many of those were taken. */
  #taken = 0
  /** Where those belong, in their order. */
  #pieces: Piece[] = []
  #closed = false
  #refused = false

  constructor(id: string, place: AskedPlace, host: RemoteReaderHost) {
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

  /** Behind the last record that was taken; before the batch of one that was merged and is taken in part. */
  get takenTo(): AskedPlace {
    const [piece] = this.#pieces
    if (!piece) return this.place
    const { from, to, merged, taken } = piece
    return taken === 0 || merged ? from : offsetBefore(to, from.position + taken)
  }

  /** Takes the first of the waiting records, of which there is one. */
  shift(): Received {
    const record = this.#waiting[this.#taken++] as Received
    const [piece] = this.#pieces
    if (piece) piece.taken++
    this.#forgetTaken()
    if (this.waiting === 0) this.#emptied()
    return record
  }

  /** Takes all waiting records. */
  take(): Received[] {
    const records = this.#taken === 0 ? this.#waiting : this.#waiting.slice(this.#taken)
    this.#pieces = []
    this.#emptied()
    return records
  }

  /** What was asked for begins here. */
  subscribed(asked: string, at: Offset): void {
    // A word becomes a place, so that a reconnect leaves out nothing that came meanwhile.
    if (typeof this.place === 'string' && placeText(this.place) === asked) {
      this.place = at
    }
    if (this.status === 'connecting') this.#become('running')
  }

  /**
   * Takes what lies between two places. False when records before these are missing, or what was seen cannot
   * be told from what was not: what follows `place` is to be sent again.
   */
  records(from: Offset, to: Offset, records: readonly Received[]): boolean {
    if (this.done) return true
    const { place } = this
    if (typeof place === 'string' || this.#isBehind(from)) return this.#refuse()
    if (place.position >= to.position) return true
    const seen = place.position - from.position
    const merged = records.length !== to.position - from.position
    if (seen > 0 && merged) return this.#refuse()
    this.#refused = false
    this.#add({ from: place, to, merged, count: records.length - seen, taken: 0 }, records.slice(seen))
    this.place = to
    this.#become('running')
    if (this.waiting >= MAX_WAITING) this.#unfollow()
    return true
  }

  /** The stream is closed here, with this. False as for `records`. */
  end(at: Offset, end: Json | undefined): boolean {
    if (this.done) return true
    if (this.#isBehind(at)) return this.#refuse()
    this.closedWith = end
    const { status, reason, message } = readRunEnd(end) ?? { status: 'closed' }
    if (status === 'failed') this.error = new StreamError('failed', message ?? 'The run failed.', { reason })
    this.#finish(status)
    return true
  }

  fail(error: StreamError): void {
    if (this.done) return
    // Whoever was away when it went is told the same as whoever was there.
    const wasThere = this.status === 'running' && error.code === 'stream_not_found'
    this.error = wasThere ? gone('deleted') : error
    this.#finish(this.error.code === 'gone' ? 'gone' : 'error')
  }

  /** Lets go of the stream, and of what was not taken. */
  close(): void {
    if (this.#closed) return
    this.place = this.takenTo
    this.#closed = true
    this.#waiting = []
    this.#taken = 0
    this.#pieces = []
    this.#unfollow()
    this.listeners.tell()
  }

  /** Whether the records after `at` would leave some out, or are of another history. */
  #isBehind(at: Offset): boolean {
    const { place } = this
    if (typeof place === 'string' || place.position < at.position) return true
    // Of a place inside of what came together the history is known by another stamp.
    return place.position === at.position && !place.ahead && !at.ahead && !isAt(place, at)
  }

  #add(piece: Piece, records: readonly Received[]): void {
    // Merged away, they are no records.
    if (records.length === 0) return
    this.#pieces.push(piece)
    for (const record of records) this.#waiting.push(record)
  }

  #forgetTaken(): void {
    while (this.#pieces[0] && this.#pieces[0].taken >= this.#pieces[0].count) this.#pieces.shift()
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
export function placeText(place: AskedPlace): string {
  if (typeof place !== 'string') return encodeOffset(place)
  return place === 'start' ? '-1' : place
}
