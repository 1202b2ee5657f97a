/**
 * Parses a body into server-sent events (HTML standard, 9.2.6). It accepts common faults of services: a last
 * event without a blank line, and plain JSON, as the error of a service that had announced an event stream.
 * Pure.
 */
import { UpstreamError } from '../upstream-error.ts'

export interface SentEvent {
  /** The name; empty without one. */
  readonly event: string
  readonly data: string
  /** Whether it is JSON without a `data:` before it. */
  readonly bare: boolean
  /** Whether the body ended before the event did. */
  readonly unfinished: boolean
}

/**
 * Most characters of one event. An image of several megabytes is one event, and so is a body without line
 * breaks.
 */
const LONGEST_EVENT = 64 * 1024 * 1024

const LINE_END = /\r\n|\n|\r/g

export class SentEvents {
  /** The parts of the incomplete line, and the length of its event. */
  #line: string[] = []
  #length = 0
  #afterReturn = false
  #event = ''
  #data: string[] = []
  #bare = false
  readonly #whole: SentEvent[] = []

  /**
   * The events that this part of the body completes.
   *
   * @throws {UpstreamError} `bad_answer` for an event that is too long.
   */
  push(part: string): SentEvent[] {
    if (part === '') return []
    // The second half of a CRLF that was split between two parts.
    let from = this.#afterReturn && part.startsWith('\n') ? 1 : 0
    this.#afterReturn = part.endsWith('\r')
    for (const end of part.matchAll(LINE_END)) {
      if (end.index < from) continue
      const line = this.#line.join('') + part.slice(from, end.index)
      this.#line = []
      from = end.index + end[0].length
      this.#take(line)
    }
    this.#grow(part.length - from)
    if (from < part.length) this.#line.push(part.slice(from))
    return this.#whole.splice(0)
  }

  /** The event that the end of the body left unfinished. */
  end(): SentEvent[] {
    const line = this.#line.join('')
    this.#line = []
    if (line !== '') this.#take(line)
    this.#dispatch(true)
    return this.#whole.splice(0)
  }

  #take(line: string): void {
    if (line === '') return this.#dispatch(false)
    const isField = /^(?:data|event)(?::|$)/.test(line)
    if (this.#bare && !isField) return this.#add(line)
    if (!this.#bare && !isField) {
      // A comment or an unknown field. No field begins with a brace.
      if (!/^[[{]/.test(line)) return
      this.#dispatch(false)
      this.#bare = true
      return this.#add(line)
    }
    if (this.#bare) this.#dispatch(false)
    if (line.startsWith('data')) this.#add(valueOf(line))
    else this.#event = valueOf(line)
  }

  #add(line: string): void {
    this.#data.push(line)
    this.#grow(line.length)
  }

  #grow(length: number): void {
    this.#length += length
    if (this.#length > LONGEST_EVENT) throw new UpstreamError('bad_answer', 'an event that does not end')
  }

  #dispatch(unfinished: boolean): void {
    const { [0]: first } = this.#data
    if (first !== undefined) {
      this.#whole.push({ event: this.#event, data: this.#data.join('\n'), bare: this.#bare, unfinished })
    }
    this.#event = ''
    this.#data = []
    this.#bare = false
    this.#length = 0
  }
}

/** The text after the colon and one space. */
function valueOf(line: string): string {
  const colon = line.indexOf(':')
  return colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
}
