/** A watcher with an inbox: what came is taken straight out of the log. */
import type { Offset } from '../../protocol/offset.ts'
import type { InboxSource, StreamInbox } from '../inbox.ts'
import { splitJson } from '../json-text.ts'
import type { StreamEvent, StreamRecord } from '../store.ts'
import type { MemoryStream } from './memory-stream.ts'
import type { Stretch } from './record-log.ts'

export class LogFollower implements InboxSource {
  readonly #stream: MemoryStream
  readonly #inbox: StreamInbox
  #position: number
  #closed: boolean
  /** Of a stream that is gone. */
  #kept: StreamEvent[] | undefined

  /** Follows from the end on. */
  constructor(stream: MemoryStream, inbox: StreamInbox) {
    this.#stream = stream
    this.#inbox = inbox
    this.#position = stream.tail
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
    const { tail, closed, incarnation, log } = this.#stream
    const from = this.#position
    if (from === tail && this.#closed === closed) {
      this.#stream.isCalled = false
      return undefined
    }
    const stretch = from < tail ? log.stretch(from) : NOTHING
    this.#position = from + stretch.length
    this.#closed = closed && this.#position === tail
    return new AppendEvent(incarnation, from, stretch, this.#closed)
  }
}

const NOTHING: Stretch = { length: 0, text: undefined, records: [] }

/** Its records are made only if somebody looks at them. */
class AppendEvent {
  readonly type = 'append'
  readonly from: Offset
  readonly next: Offset
  readonly text: string | undefined
  readonly closed: boolean
  #records: readonly StreamRecord[] | undefined

  constructor(incarnation: string, from: number, { length, text, records }: Stretch, closed: boolean) {
    this.from = { incarnation, position: from }
    this.next = { incarnation, position: from + length }
    this.text = text
    this.closed = closed
    this.#records = records
  }

  get records(): readonly StreamRecord[] {
    this.#records ??= splitJson(this.text ?? '')
    return this.#records
  }
}
