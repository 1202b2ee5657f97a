/**
 * The last records of a stream, for readers that lag a little: bounded, in consecutive batches. A reader that lags
 * further reads the log.
 *
 * The last batch is open: records are added to it until the flush clock or its size seals it.
 */
import type { Json } from '../protocol/json.ts'
import { offsetBefore } from '../protocol/offset.ts'
import type { Offset } from '../protocol/offset.ts'
import type { StreamRecord } from '../streams/stream.ts'
import { Batch, Span } from './batch.ts'
import type { Reach } from './batch.ts'

/** How much all streams together may keep for lagging readers, beside what the next flush sends. */
export class Allowance {
  used = 0
  readonly total: number

  constructor(total: number) {
    this.total = total
  }
}

/** Number of merged batches kept, for readers at the same place. */
const MERGED_KEPT = 2

/** Limits, the same for all streams. */
export interface RecentLimits {
  /** Size at which a batch is full. */
  readonly batchSize: number
  /** Most that one stream keeps, over all batches. */
  readonly streamSize: number
  readonly allowance: Allowance
}

export class RecentRecords {
  readonly #stream: string
  readonly #limits: RecentLimits
  #batches: Batch[] = []
  #size = 0
  /** The part counted in the allowance: what remained after a flush. */
  #counted = 0
  #merged: Batch[] = []
  #open: Span | undefined
  /** The places before and after the records of the open batch. */
  #openFrom: Offset
  #tail: Offset
  #closed = false
  #end: Json | undefined

  constructor(stream: string, limits: RecentLimits, at: Offset) {
    this.#stream = stream
    this.#limits = limits
    this.#openFrom = this.#tail = at
  }

  /** Position after the last record of the last sealed batch. */
  get sealed(): number {
    return this.#openFrom.position
  }

  /** The place after the last record. */
  get tail(): Offset {
    return this.#tail
  }

  /** Size of what is kept, measured as `Batch.size`. */
  get size(): number {
    return this.#size + (this.#open?.size ?? 0)
  }

  /** @param next the place after these records. */
  add(span: Span, next: Offset): void {
    const { batchSize } = this.#limits
    if (this.#open && this.#open.size + span.size > batchSize) this.seal('more')
    this.#tail = next
    if (span.size >= 2 * batchSize) return this.#addInParts(span)
    this.#open = this.#open ? this.#open.concat(span) : span
    if (this.#open.size >= batchSize) this.seal()
  }

  /** The stream is closed: the records added next, or those added last, are the final ones. */
  close(end: Json | undefined): void {
    this.#closed = true
    this.#end = end
  }

  #addInParts(span: Span): void {
    const { records } = span
    const end = this.#tail
    let from = 0
    let size = 0
    for (let index = 0; index < records.length; index++) {
      size += (records[index] as StreamRecord).length
      const isLast = index === records.length - 1
      if (size < this.#limits.batchSize && !isLast) continue
      this.#open = span.slice(from, index + 1)
      this.#tail = offsetBefore(end, end.position - (records.length - 1 - index))
      from = index + 1
      if (size >= this.#limits.batchSize) this.seal(isLast ? undefined : 'more')
      size = 0
    }
  }

  /** Seals the open batch, if it is not empty, and keeps it. */
  seal(reach: Reach = this.#closed ? 'closed' : 'tail'): void {
    const batch = this.#cut(reach)
    if (!batch) return
    this.#batches.push(batch)
    this.#size += batch.size
    // The last batch stays: the next flush will send it.
    this.#drop(this.#batches.length - 1)
  }

  /**
   * Seals the open batch and returns it without keeping it: usually only the current flush needs it. Undefined when
   * it is empty, or when earlier batches are kept; then it is kept as well.
   */
  take(): Batch | undefined {
    if (this.#size === 0) return this.#cut(this.#closed ? 'closed' : 'tail')
    this.seal()
    return undefined
  }

  /** Keeps a batch that was taken, because a reader needs it later. */
  keep(batch: Batch): void {
    if (batch.next.position !== (this.#batches[0]?.from ?? this.#openFrom).position) return
    this.#batches.unshift(batch)
    this.#size += batch.size
  }

  /**
   * The batch that begins at a position, merged with the next ones up to the size of a batch. Undefined when it is no
   * longer kept.
   */
  from(position: number): Batch | undefined {
    const first = this.#indexOf(position)
    const batch = this.#batches[first]
    if (!batch) return undefined
    let last = first
    let size = batch.size
    const { batchSize } = this.#limits
    for (let next = this.#batches[first + 1]; next && size < batchSize; next = this.#batches[last + 1]) {
      size += next.size
      if (size > 2 * batchSize) break
      last++
    }
    if (last === first && batch.from.position === position) return batch
    return this.#merge(first, last, position)
  }

  /** Forgets the sealed batches: every reader has received them. */
  clear(): void {
    if (this.#size === 0) return
    this.#limits.allowance.used -= this.#counted
    this.#counted = 0
    this.#batches = []
    this.#merged = []
    this.#size = 0
  }

  /** Restarts at another place, because records were missed. */
  restart(at: Offset): void {
    this.clear()
    this.#open = undefined
    this.#openFrom = this.#tail = at
  }

  #cut(reach: Reach): Batch | undefined {
    const span = this.#open
    if (!span) return undefined
    const end = reach === 'closed' ? this.#end : undefined
    const batch = new Batch(this.#stream, this.#openFrom, this.#tail, span, reach, end)
    this.#openFrom = this.#tail
    this.#open = undefined
    return batch
  }

  #merge(first: number, last: number, position: number): Batch {
    const { next, reach, end } = this.#batches[last] as Batch
    const known = this.#merged.find((batch) => batch.from.position === position && batch.next === next)
    if (known) return known
    const parts = this.#batches.slice(first, last + 1)
    const span = Span.join(parts.map((batch) => batch.span))
    const { from: whole } = this.#batches[first] as Batch
    const all = new Batch(this.#stream, whole, next, span, reach, end)
    const merged = whole.position === position ? all : all.after(position)
    this.#merged.unshift(merged)
    this.#merged.length = Math.min(this.#merged.length, MERGED_KEPT)
    return merged
  }

  /** Called after a flush: the batches still kept are for lagging readers. A reader that lags further reads the log. */
  settle(): void {
    this.#drop(this.#batches.length)
    const { allowance } = this.#limits
    allowance.used += this.#size - this.#counted
    this.#counted = this.#size
  }

  #drop(most: number): void {
    const { streamSize, allowance } = this.#limits
    let drop = 0
    while (drop < most) {
      const isOver = allowance.used + this.#size - this.#counted > allowance.total
      if (this.#size <= streamSize && !isOver) break
      const { size } = this.#batches[drop++] as Batch
      this.#size -= size
    }
    if (drop === 0) return
    this.#batches.splice(0, drop)
    this.#merged = []
    if (this.#counted <= this.#size) return
    allowance.used -= this.#counted - this.#size
    this.#counted = this.#size
  }

  /** The index of the batch that holds the record after a position, or -1. Binary search. */
  #indexOf(position: number): number {
    let low = 0
    let high = this.#batches.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const batch = this.#batches[middle] as Batch
      if (position < batch.from.position) high = middle - 1
      else if (position >= batch.next.position) low = middle + 1
      else return middle
    }
    return -1
  }
}
