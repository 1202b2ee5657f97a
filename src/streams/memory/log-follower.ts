/** A watcher with an inbox: what came is taken straight out of the log. */
import type { Buffer } from 'node:buffer'
import type { Json } from '../../protocol/json.ts'
import type { Offset } from '../../protocol/offset.ts'
import { endMember, tailOf } from '../bookkeeping/bookkeeping.ts'
import type { InboxSource, StreamInbox } from '../inbox.ts'
import { textsIn } from '../bookkeeping/json-text.ts'
import type { StreamRecord } from '../store.ts'
import type { StreamEvent } from '../watching.ts'
import type { MemoryStream } from './memory-stream.ts'
import type { LogCursor, Stretch } from './record-log.ts'

export class LogFollower implements InboxSource, LogCursor {
  readonly #inbox: StreamInbox
  readonly #stream: MemoryStream
  position: number
  chunk: number
  byte: number
  /** The same place, as it was told. */
  #at: Offset
  #closed: boolean
  /** What was not taken of records that are gone, or of a stream that is. */
  #kept: StreamEvent[] | undefined
  #isOver = false
  /** The next follower of its stream, in a list that the stream keeps. */
  after: LogFollower | undefined

  /** Follows from the end on. */
  constructor(stream: MemoryStream, inbox: StreamInbox) {
    this.#inbox = inbox
    this.#stream = stream
    const { position, chunk, byte } = stream.cursor(stream.tail)
    this.position = position
    this.chunk = chunk
    this.byte = byte
    this.#at = tailOf(stream)
    this.#closed = stream.closed
    inbox.open(this)
  }

  take(): StreamEvent | undefined {
    return this.#kept ? this.#takeKept() : this.#read()
  }

  call(): void {
    this.#inbox.call()
  }

  /** Records of the log go away: what was not taken is kept. */
  keep(): StreamEvent[] {
    const kept = (this.#kept ??= [])
    for (let event = this.#read(); event; event = this.#read()) kept.push(event)
    return kept
  }

  /** All of the log goes away. */
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
    const stream = this.#stream
    const { tail, closed } = stream
    if (this.position === tail && this.#closed === closed) {
      stream.isCalled = false
      return undefined
    }
    const from = this.#at
    const stretch = this.position < tail ? stream.next(this) : NOTHING
    if (stretch !== NOTHING) this.#at = { position: this.position, stamp: stream.stamp }
    this.#closed = closed && this.position === tail
    const end = this.#closed ? endMember(stream.closedWith).end : undefined
    return new AppendEvent(from, this.#at, stretch, this.#closed, end)
  }
}

const NOTHING: Stretch = { length: 0, json: undefined, records: [] }

/**
 * Its records are made only if somebody looks at them. By a getter of the class, which spread and
 * JSON.stringify pass over: one of each event's own would make V8 keep a shape for each event.
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
