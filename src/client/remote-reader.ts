/**
 * A reader of one stream: a place in it, and the records that came from there and were not yet taken.
 *
 * It checks that no record is missing. Every batch says where it begins and ends; counting its records would not
 * do, because a server may merge some for a late reader. The reader drops what it has seen before. It refuses a
 * batch that begins too late, and the client asks again from the last good place.
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

/** Records that came together and were not all taken yet. */
interface Piece {
  readonly from: Offset
  readonly to: Offset
  /** Whether there are fewer records than positions, so that no place lies between two of them. */
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
  /** After the last record that came. */
  place: AskedPlace
  /** False while too many records wait, and after the end. */
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
    // A server that cannot read an id does not repeat it in its answer, so nobody would be told.
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

  /** After the last record that was taken. Before the whole batch, if that was merged and is taken in part. */
  get takenTo(): AskedPlace {
    const [piece] = this.#pieces
    if (!piece) return this.place
    const { from, to, merged, taken } = piece
    return taken === 0 || merged ? from : offsetBefore(to, from.position + taken)
  }

  /** Takes the first of the waiting records. Call it only when there is one. */
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

  /** The server's answer to what was asked: the stream begins here. */
  subscribed(asked: string, at: Offset): void {
    // `start` and `now` become a place, so that a reconnect leaves nothing out.
    if (typeof this.place === 'string' && placeText(this.place) === asked) {
      this.place = at
    }
    if (this.status === 'connecting') this.#become('running')
  }

  /**
   * Takes the records between two places. Returns false when records before these are missing, or when it cannot
   * tell which of them it has seen: the client then asks again for what follows `place`.
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

  /** The stream is closed at this place, with this end. Returns false as `records` does. */
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
    // A reader whose connection was lost when the stream went is told the same as any other.
    const wasThere = this.status === 'running' && error.code === 'stream_not_found'
    this.error = wasThere ? gone('deleted') : error
    this.#finish(this.error.code === 'gone' ? 'gone' : 'error')
  }

  /** Lets go of the stream and of the records that were not taken. */
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

  /** Whether records between `place` and `at` are missing, or `at` belongs to another history. */
  #isBehind(at: Offset): boolean {
    const { place } = this
    if (typeof place === 'string' || place.position < at.position) return true
    // A place inside a merged batch carries the stamp of another place.
    return place.position === at.position && !place.ahead && !at.ahead && !isAt(place, at)
  }

  #add(piece: Piece, records: readonly Received[]): void {
    // All of them were merged into records that came before.
    if (records.length === 0) return
    this.#pieces.push(piece)
    for (const record of records) this.#waiting.push(record)
  }

  #forgetTaken(): void {
    while (this.#pieces[0] && this.#pieces[0].taken >= this.#pieces[0].count) this.#pieces.shift()
  }

  /** The first gap may be a fault of the connection; the second is one of the server. */
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
