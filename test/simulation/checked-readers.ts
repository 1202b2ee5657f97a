/** Holds what readers are given, and how they end, against the logs. */
import type { Fact, Fail } from './history.ts'
import type { KeptLogs } from './kept-log.ts'

interface Reading {
  next: number
  readonly incarnation: string
}

export class CheckedReaders {
  /** Whether a stream that is there may be hidden for a while. */
  mayBeHidden = false
  readonly #readers = new Map<string, Reading>()
  readonly #kept: KeptLogs
  readonly #fail: Fail

  constructor(kept: KeptLogs, fail: Fail) {
    this.#kept = kept
    this.#fail = fail
  }

  given(
    { reader, stream, incarnation }: Extract<Fact, { type: 'sent' | 'read' }>,
    from: number,
    records: readonly string[],
  ): void {
    const log = this.#kept.logs.get(`${stream} ${incarnation}`)
    const reading = this.#readers.get(reader)
    // The start is the same in all.
    const isSame = reading?.next === 0 || reading?.incarnation === incarnation
    if (reading && (reading.next !== from || !isSame)) {
      this.#fail('reader-order', `${reader} of ${stream} was at ${reading.next} and is given ${from}`)
    }
    for (const [index, record] of records.entries()) {
      const kept = log?.records[from + index]
      if (kept === record) continue
      const what = kept === undefined ? 'is not kept' : `is ${kept}`
      this.#fail(
        kept === undefined ? 'seen-means-kept' : 'reader-order',
        `${reader} of ${stream} is given ${record}, and record ${from + index} ${what}`,
      )
      break
    }
    this.#readers.set(reader, { next: from + records.length, incarnation })
  }

  trimmed({ reader, stream, incarnation, first }: Extract<Fact, { type: 'reader-trimmed' }>): void {
    const log = this.#kept.logs.get(`${stream} ${incarnation}`)
    const at = this.#readers.get(reader)?.next ?? 0
    if (log && (first > log.first || at >= first))
      this.#fail(
        'reader-order',
        `${reader} of ${stream} is at ${at}, and told that it begins at ${first}, not ${log.first}`,
      )
    this.#readers.set(reader, { next: first, incarnation })
  }

  ended(fact: Extract<Fact, { type: 'reader-ended' }>): void {
    const { reader, stream, status, error, left, next } = fact
    if (left) return
    const log = this.#kept.current.get(stream)
    // Who has read a run to its end may hear of that, and no more of its removal.
    const whole = log?.closed ? (log.end?.status ?? 'closed') : undefined
    const isRight =
      status === whole ||
      ((log?.removed !== false || this.mayBeHidden) && (status === 'gone' || error === 'stream_not_found'))
    // Of an id with several lives it is not said which one it was.
    const others = [...this.#kept.logs.values()].filter((one) => one.stream === stream).length > 1
    if (!others && !isRight)
      this.#fail(
        'reader-ends',
        `${reader} of ${stream} ends as ${status} (${error ?? ''}), and not ${whole ?? 'gone'}`,
      )
    if (others || status === 'gone' || status === 'error' || next === undefined || !log) return
    const { length } = log.records
    if (next !== length)
      this.#fail('reader-order', `${reader} of ${stream} ends at ${next}, and the log at ${length}`)
  }
}
