/**
 * The records after the checkpoint, which a provider that continues must yield again. They are read page by page, as
 * events come.
 */
import { Buffer } from 'node:buffer'
import { START, offsetBefore } from '../../protocol/offset.ts'
import type { Offset } from '../../protocol/offset.ts'
import type { StreamStore } from '../../streams/store.ts'
import type { StreamRecord } from '../../streams/stream.ts'
import { patiently } from '../../streams/patience.ts'

export interface ReplayOptions {
  readonly store: Pick<StreamStore, 'read'>
  readonly id: string
  /** Position before the first record. */
  readonly from: number
  /** The place after the last record, which proves that the log is the one that was taken over. */
  readonly to: Offset
  readonly patienceMs: number
  /** Ends reading. */
  readonly signal: AbortSignal
}

export class Replay {
  readonly #options: ReplayOptions
  /** Position before the first record of `page`. */
  #position: number
  #page: readonly StreamRecord[] = []
  #at = 0
  /** Position after the last record. */
  readonly #end: number
  /** Where the next page begins. Each page proves that its log is that of the page before. */
  #next: Offset

  constructor(options: ReplayOptions) {
    this.#options = options
    const { from, to } = options
    this.#position = from
    this.#end = to.position
    // Nothing is read if there is nothing to replay.
    this.#next = this.#end > from ? offsetBefore(to, from) : START
  }

  /** Number of records still to be replayed. */
  get left(): number {
    return Math.max(0, this.#end - this.#position - this.#at)
  }

  /**
   * Compares a text with the next record, and passes it if they are equal. Rejects as the store does after the
   * patience, and when the log has lost records.
   */
  takes(text: string): boolean | Promise<boolean> {
    const due = this.#page[this.#at]
    if (due === undefined) return this.#turn().then(() => this.takes(text))
    if (due !== text) return false
    this.#at++
    return true
  }

  /** Skips all remaining records. Resolves to their bytes, trimmed ones not included. */
  async skip(): Promise<number> {
    let bytes = 0
    while (this.left > 0) {
      for (const record of this.#page.slice(this.#at, this.#at + this.left))
        bytes += Buffer.byteLength(record)
      this.#at = this.#page.length
      if (this.left > 0) await this.#turn({ passing: true })
    }
    return bytes
  }

  /** @param options.passing trimmed records are skipped. */
  async #turn({ passing = false } = {}): Promise<void> {
    const { store, id, patienceMs, signal } = this.#options
    const next = this.#next
    const read = (): ReturnType<StreamStore['read']> => store.read(id, next, { signal })
    const page = await patiently(read, patienceMs, signal)
    if (passing && page.outcome === 'trimmed') return this.#show(page.first, page.first, [])
    if (page.outcome !== 'page' || page.records.length === 0)
      throw new Error('The log has lost records that must be replayed')
    this.#show({ position: this.#position + this.#page.length }, page.next, page.records)
  }

  #show({ position }: Pick<Offset, 'position'>, next: Offset, page: readonly StreamRecord[]): void {
    this.#position = position
    this.#next = next
    this.#page = page
    this.#at = 0
  }
}
