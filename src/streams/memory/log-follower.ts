/** A watcher with an inbox, which takes events directly from the log. */
import type { Buffer } from 'node:buffer'
import type { Json } from '../../protocol/json.ts'
import type { Offset } from '../../protocol/offset.ts'
import { endMember, tailOf } from '../bookkeeping/stream-state.ts'
import type { StreamState } from '../bookkeeping/stream-state.ts'
import type { InboxSource, StreamInbox, StreamEvent } from '../watching.ts'
import { textsIn } from '../bookkeeping/json-text.ts'
import type { StreamRecord } from '../stream.ts'
import type { LogCursor, Stretch } from './record-log.ts'

/** The log of a stream that it follows. */
export interface FollowedLog extends Pick<StreamState, 'tail' | 'stamp' | 'closed' | 'closedWith'> {
  /** Whether the followers were called since they last took everything. */
  isCalled: boolean
  cursor(position: number): LogCursor
  next(cursor: LogCursor): Stretch
}

export class LogFollower implements InboxSource, LogCursor {
  readonly #inbox: StreamInbox
  readonly #log: FollowedLog
  position: number
  chunk: number
  byte: number
  /** The same place, as an offset. */
  #at: Offset
  #closed: boolean
  /** Events not taken yet of records, or a stream, that are gone. */
  #kept: StreamEvent[] | undefined
  #isOver = false
  /** The next follower in the stream's list. */
  after: LogFollower | undefined

  /** Follows from the end of the log. */
  constructor(log: FollowedLog, inbox: StreamInbox) {
    this.#inbox = inbox
    this.#log = log
    const { position, chunk, byte } = log.cursor(log.tail)
    this.position = position
    this.chunk = chunk
    this.byte = byte
    this.#at = tailOf(log)
    this.#closed = log.closed
    inbox.open(this)
  }

  take(): StreamEvent | undefined {
    return this.#kept ? this.#takeKept() : this.#read()
  }

  call(): void {
    this.#inbox.call()
  }

  /** Called before records are removed: keeps the events that were not taken. */
  keep(): StreamEvent[] {
    const kept = (this.#kept ??= [])
    for (let event = this.#read(); event; event = this.#read()) kept.push(event)
    return kept
  }

  /** Called before the whole log is removed. */
  end(reason: 'deleted' | 'expired'): void {
    this.keep().push({ type: 'gone', reason })
    this.#isOver = true
    this.#inbox.call()
  }

  close(): void {
    this.#inbox.close(this)
  }

  #takeKept(): StreamEvent | undefined {
    const event = this.#kept?.shift()
    if (event || this.#isOver) return event
    this.#kept = undefined
    return this.#read()
  }

  #read(): StreamEvent | undefined {
    const log = this.#log
    const { tail, closed } = log
    if (this.position === tail && this.#closed === closed) {
      log.isCalled = false
      return undefined
    }
    const from = this.#at
    const stretch = this.position < tail ? log.next(this) : NOTHING
    if (stretch !== NOTHING) this.#at = { position: this.position, stamp: log.stamp }
    this.#closed = closed && this.position === tail
    const end = this.#closed ? endMember(log.closedWith).end : undefined
    return new AppendEvent(from, this.#at, stretch, this.#closed, end)
  }
}

const NOTHING: Stretch = { length: 0, json: undefined, records: [] }

/**
 * Its records are created only when read, by a getter of the class, which spread and JSON.stringify ignore. A getter
 * on each object would make V8 keep a shape per event.
 */
class AppendEvent {
  readonly type = 'append'
  readonly from: Offset
  readonly next: Offset
  readonly json: Buffer | undefined
  readonly closed: boolean
  readonly end: Json | undefined
  #records: readonly StreamRecord[] | undefined

  constructor(
    from: Offset,
    next: Offset,
    { json, records }: Stretch,
    closed: boolean,
    end: Json | undefined,
  ) {
    this.from = from
    this.next = next
    this.json = json
    this.closed = closed
    this.end = end
    this.#records = records
  }

  get records(): readonly StreamRecord[] {
    return (this.#records ??= textsIn(this.json))
  }
}
