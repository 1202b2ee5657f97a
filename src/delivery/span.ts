/** Records in a row, in as few pieces as they came: as text that nobody looks into, if the store has it so. */
import { Buffer } from 'node:buffer'
import type { StreamRecord } from '../streams/stream.ts'

/** What a store tells of records: an event, or a page. */
export interface Told {
  readonly records: readonly StreamRecord[]
  readonly json?: Uint8Array | undefined
}

export class Run {
  /** How many records. */
  readonly length: number
  /**
   * Length of all records: bytes, or characters of text, which are as many bytes or up to three times
   * as many. Of text that came in one piece the commas between records count, too.
   */
  readonly size: number
  readonly #told: Told | readonly Told[]
  readonly #json: Uint8Array | undefined
  #text: string | undefined

  private constructor(length: number, size: number, told: Told | readonly Told[], json?: Uint8Array) {
    this.length = length
    this.size = size
    this.#told = told
    this.#json = json
  }

  static of(told: Told, length: number = told.records.length): Run {
    const { json } = told
    return new Run(length, json?.byteLength ?? sizeOf(told.records), told, json)
  }

  /** Runs that follow each other, as one. At least one. */
  static join(runs: readonly Run[]): Run {
    const [first] = runs
    if (first && runs.length === 1) return first
    let length = 0
    let size = 0
    for (const run of runs) {
      length += run.length
      size += run.size
    }
    const pieces = runs.map((run) => run.#json)
    const json = pieces.every((piece) => piece !== undefined) ? joined(pieces) : undefined
    return new Run(
      length,
      size,
      runs.flatMap((run) => run.#told),
      json,
    )
  }

  get records(): readonly StreamRecord[] {
    const told = this.#told
    return isList(told) ? told.flatMap(({ records }) => records) : told.records
  }

  /** Records of JSON with commas between them, as UTF-8, if the store has all of them so. Not to be written to. */
  get json(): Uint8Array | undefined {
    return this.#json
  }

  /** Records of JSON with commas between them; undefined for bytes. */
  get text(): string | undefined {
    if (this.#text === undefined) {
      if (this.#json) return (this.#text = viewOf(this.#json).toString())
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

const COMMA = Buffer.from(',')

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(pieces.flatMap((piece, index) => (index === 0 ? piece : [COMMA, piece])))
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

function isList(told: Told | readonly Told[]): told is readonly Told[] {
  return Array.isArray(told)
}

function sizeOf(records: readonly StreamRecord[]): number {
  let size = 0
  for (const record of records) size += record.length
  return size
}
