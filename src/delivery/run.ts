/** Records in a row, in as few pieces as they came: as text that nobody looks into, if the store has it so. */
import type { StreamRecord } from '../streams/store.ts'

/** What a store tells of records: an event, or a page. */
export interface Told {
  readonly records: readonly StreamRecord[]
  readonly text?: string | undefined
}

export class Run {
  /** How many records. */
  readonly length: number
  /**
   * Length of all records: bytes, or characters of text, which are as many bytes or up to three times
   * as many. Of text that came in one piece the commas between records count, too.
   */
  readonly size: number
  readonly #told: readonly Told[]
  #text: string | undefined

  private constructor(length: number, size: number, told: readonly Told[], text: string | undefined) {
    this.length = length
    this.size = size
    this.#told = told
    this.#text = text
  }

  static of(told: Told, length: number = told.records.length): Run {
    const { text } = told
    return new Run(length, text?.length ?? sizeOf(told.records), [told], text)
  }

  /** Runs that follow each other, as one. At least one. */
  static join(runs: readonly Run[]): Run {
    let length = 0
    let size = 0
    for (const run of runs) {
      length += run.length
      size += run.size
    }
    const isText = runs.every((run) => run.#text !== undefined)
    const text = isText ? runs.map((run) => run.#text).join(',') : undefined
    return new Run(
      length,
      size,
      runs.flatMap((run) => run.#told),
      text,
    )
  }

  get records(): readonly StreamRecord[] {
    const [first] = this.#told
    return this.#told.length === 1 && first ? first.records : this.#told.flatMap(({ records }) => records)
  }

  /** Records of JSON with commas between them; undefined for bytes. */
  get text(): string | undefined {
    if (this.#text === undefined) {
      const { records } = this
      if (typeof records[0] === 'string') this.#text = records.join(',')
    }
    return this.#text
  }

  /** This run and the one that follows it. */
  concat(next: Run): Run {
    return Run.join([this, next])
  }

  slice(from: number, to?: number): Run {
    return Run.of({ records: this.records.slice(from, to) })
  }
}

function sizeOf(records: readonly StreamRecord[]): number {
  let size = 0
  for (const record of records) size += record.length
  return size
}
