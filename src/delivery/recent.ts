/**
 * The last records of a stream, for readers that lag a little: a bounded run of batches without
 * gaps. A reader further back reads the log.
 *
 * One batch at the end is open: records are added to it until the flush clock, or its size, seals it.
 */
import type { Offset } from '../protocol/offset.ts'
import type { StreamRecord } from '../streams/store.ts'
import { Batch } from './batch.ts'
import type { Reach } from './batch.ts'

/** What all streams together may keep for readers that lag, beside what the next flush sends. */
export class Allowance {
  used = 0
  readonly total: number

  constructor(total: number) {
    this.total = total
  }
}

/** Merged batches that are kept, for readers that stand at the same place. */
const MERGED_KEPT = 2

/** The same for all streams. */
export interface RecentLimits {
  /** Size from which a batch is full. */
  readonly batchSize: number
  /** Size of all batches that one stream keeps. */
  readonly streamSize: number
  readonly allowance: Allowance
}

export class RecentRecords {
  readonly #stream: string
  readonly #limits: RecentLimits
  readonly #incarnation: string
  #batches: Batch[] = []
  #size = 0
  #merged: Batch[] = []
  #open: StreamRecord[] = []
  #openSize = 0
  #openFrom: number
  #closed = false
  #last: StreamRecord | undefined

  constructor(stream: string, limits: RecentLimits, at: Offset) {
    this.#stream = stream
    this.#limits = limits
    this.#incarnation = at.incarnation
    this.#openFrom = at.position
  }

  /** Position after the last record of the last sealed batch. */
  get sealed(): number {
    return this.#openFrom
  }

  /** Position after the last record. */
  get tail(): number {
    return this.#openFrom + this.#open.length
  }

  /** The last record that came; undefined before the first. */
  get last(): StreamRecord | undefined {
    return this.#open.at(-1) ?? this.#last
  }

  /** What is kept, in the terms of `Batch.size`. */
  get size(): number {
    return this.#size + this.#openSize
  }

  /** `closed`: nothing will come behind these records. */
  add(records: readonly StreamRecord[], closed: boolean): void {
    for (let index = 0; index < records.length; index++) {
      const record = records[index] as StreamRecord
      this.#open.push(record)
      this.#openSize += record.length
      if (this.#openSize < this.#limits.batchSize) continue
      if (index < records.length - 1) this.seal('more')
      else this.seal(closed ? 'closed' : 'tail')
    }
    this.#closed = closed
  }

  /** Closes the open batch, if it is not empty, and keeps it. */
  seal(reach: Reach = this.#closed ? 'closed' : 'tail'): void {
    const batch = this.#cut(reach)
    if (!batch) return
    this.#batches.push(batch)
    this.#count(batch.size)
    this.#trim()
  }

  /**
   * Closes the open batch without keeping it, for a flush that is likely to be all it is needed for.
   * Undefined when it is empty, or others before it are kept: then it is sealed.
   */
  take(): Batch | undefined {
    if (this.#batches.length === 0) return this.#cut(this.#closed ? 'closed' : 'tail')
    this.seal()
    return undefined
  }

  /** Keeps a batch that was taken: somebody needs it later. */
  keep(batch: Batch): void {
    if (batch.next !== (this.#batches[0]?.from ?? this.#openFrom)) return
    this.#batches.unshift(batch)
    this.#count(batch.size)
    this.#trim()
  }

  /** The batch that begins at a position, as much as fits one; undefined when it is kept no longer. */
  from(position: number): Batch | undefined {
    const first = this.#indexOf(position)
    const batch = this.#batches[first]
    if (!batch) return undefined
    let last = first
    let size = batch.size
    while (size < this.#limits.batchSize && last + 1 < this.#batches.length) {
      size += (this.#batches[++last] as Batch).size
    }
    if (last === first && batch.from === position) return batch
    return this.#merge(first, last, position)
  }

  /** Forgets the sealed batches: every reader has them. */
  clear(): void {
    if (this.#batches.length === 0) return
    this.#limits.allowance.used -= this.#size
    this.#batches = []
    this.#merged = []
    this.#size = 0
  }

  /** Begins anew at another place, because records were missed. */
  restart(position: number): void {
    this.clear()
    this.#last = undefined
    this.#open = []
    this.#openSize = 0
    this.#openFrom = position
  }

  #cut(reach: Reach): Batch | undefined {
    if (this.#open.length === 0) return undefined
    const from = { incarnation: this.#incarnation, position: this.#openFrom }
    const batch = new Batch(this.#stream, from, this.#open, this.#openSize, reach)
    this.#openFrom = batch.next
    this.#last = this.#open.at(-1)
    this.#open = []
    this.#openSize = 0
    return batch
  }

  #count(size: number): void {
    this.#size += size
    this.#limits.allowance.used += size
  }

  #merge(first: number, last: number, position: number): Batch {
    const { next: end, reach } = this.#batches[last] as Batch
    const known = this.#merged.find((batch) => batch.from === position && batch.next === end)
    if (known) return known
    const records = this.#batches.slice(first, last + 1).flatMap((batch) => batch.records)
    const whole = (this.#batches[first] as Batch).from
    const size = this.#batches.slice(first, last + 1).reduce((sum, batch) => sum + batch.size, 0)
    const at = { incarnation: this.#incarnation, position: whole }
    const all = new Batch(this.#stream, at, records, size, reach)
    const merged = whole === position ? all : all.after(position)
    this.#merged.unshift(merged)
    this.#merged.length = Math.min(this.#merged.length, MERGED_KEPT)
    return merged
  }

  /** The last batch always stays: a flush that just sealed it is about to send it. */
  #trim(): void {
    const { streamSize, allowance } = this.#limits
    let drop = 0
    while (drop < this.#batches.length - 1 && (this.#size > streamSize || allowance.used > allowance.total)) {
      const { size } = this.#batches[drop++] as Batch
      this.#size -= size
      allowance.used -= size
    }
    if (drop === 0) return
    this.#batches.splice(0, drop)
    this.#merged = []
  }

  /** The index of the batch that holds the record after a position, or -1. Binary search. */
  #indexOf(position: number): number {
    let low = 0
    let high = this.#batches.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const batch = this.#batches[middle] as Batch
      if (position < batch.from) high = middle - 1
      else if (position >= batch.next) low = middle + 1
      else return middle
    }
    return -1
  }
}
