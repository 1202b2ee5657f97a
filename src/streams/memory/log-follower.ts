/** A watcher with an inbox: what came is taken straight out of the log. */
import type { InboxSource, StreamInbox } from '../inbox.ts'
import { lazyTexts } from '../json-text.ts'
import type { StreamEvent } from '../store.ts'
import type { MemoryStream } from './memory-stream.ts'
import type { LogCursor, Stretch } from './record-log.ts'

export class LogFollower implements InboxSource {
  readonly #stream: MemoryStream
  readonly #inbox: StreamInbox
  readonly #cursor: LogCursor
  #closed: boolean
  /** Of a stream that is gone. */
  #kept: StreamEvent[] | undefined

  /** Follows from the end on. */
  constructor(stream: MemoryStream, inbox: StreamInbox) {
    this.#stream = stream
    this.#inbox = inbox
    this.#cursor = stream.cursor(stream.tail)
    this.#closed = stream.closed
    inbox.open(this)
  }

  take(): StreamEvent | undefined {
    return this.#kept ? this.#kept.shift() : this.#read()
  }

  call(): void {
    this.#inbox.call()
  }

  /** The log goes away: what was not taken is kept. */
  end(reason: 'deleted' | 'expired'): void {
    const kept: StreamEvent[] = []
    for (let event = this.#read(); event; event = this.#read()) kept.push(event)
    kept.push({ type: 'gone', reason })
    this.#kept = kept
    this.#inbox.call()
  }

  close(): void {
    this.#inbox.close(this)
  }

  #read(): StreamEvent | undefined {
    const stream = this.#stream
    const { tail, closed } = stream
    const from = this.#cursor.position
    if (from === tail && this.#closed === closed) {
      stream.isCalled = false
      return undefined
    }
    const stretch = from < tail ? stream.next(this.#cursor) : NOTHING
    this.#closed = closed && this.#cursor.position === tail
    return appendOf(stream.incarnation, from, stretch, this.#closed)
  }
}

const NOTHING: Stretch = { length: 0, json: undefined, records: [] }

function appendOf(
  incarnation: string,
  position: number,
  { length, json, records }: Stretch,
  closed: boolean,
): StreamEvent {
  const from = { incarnation, position }
  const next = { incarnation, position: position + length }
  if (records) return { type: 'append', from, next, records, closed }
  const texts = lazyTexts(json)
  return {
    type: 'append',
    from,
    next,
    get records() {
      return texts()
    },
    json,
    closed,
  }
}
