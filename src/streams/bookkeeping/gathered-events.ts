/**
 * Collects the events of an inbox for a store that has no log to take them from: consecutive appends become one
 * event.
 */
import type { InboxSource, StreamInbox, StreamEvent } from '../watching.ts'
import type { StreamRecord } from '../stream.ts'

type Append = Extract<StreamEvent, { type: 'append' }>
type Gone = Extract<StreamEvent, { type: 'gone' }>

export class GatheredEvents implements InboxSource {
  readonly #inbox: StreamInbox
  #first: Append | undefined
  #last: Append | undefined
  /** The records of all events, once there are two. */
  #records: StreamRecord[] | undefined
  #gone: Gone | undefined

  constructor(inbox: StreamInbox) {
    this.#inbox = inbox
    inbox.open(this)
  }

  /** Adds an event; they come in order and without gaps. */
  add(event: StreamEvent): void {
    if (event.type === 'gone') this.#gone = event
    else {
      if (this.#first) {
        this.#records ??= [...this.#first.records]
        // Not `push(...records)`, which puts all arguments on the stack.
        for (const record of event.records) this.#records.push(record)
      } else this.#first = event
      this.#last = event
    }
    this.#inbox.call()
  }

  take(): StreamEvent | undefined {
    const first = this.#first
    const last = this.#last
    const records = this.#records
    if (!first || !last) {
      const gone = this.#gone
      this.#gone = undefined
      return gone
    }
    this.#first = undefined
    this.#last = undefined
    this.#records = undefined
    if (!records) return first
    const { next, closed, end } = last
    return { type: 'append', from: first.from, next, records, closed, ...(end !== undefined && { end }) }
  }

  close(): void {
    this.#inbox.close(this)
  }
}
