/**
 * Reads the past of streams from the log in large pages. Readers at the same place share the read and its frames:
 * after a restart, a thousand readers of one stream read it about once.
 */
import type { Json } from '../protocol/json.ts'
import { encodeOffset } from '../protocol/offset.ts'
import type { Offset, Place } from '../protocol/offset.ts'
import type { StreamStore } from '../streams/store.ts'
import { Batch, Span } from './batch.ts'
import type { Reach } from './batch.ts'
import type { LoopTurns } from './turns.ts'

export type LogPage =
  | { readonly outcome: 'page'; readonly batch: Batch }
  /** There is nothing after this place yet. */
  | { readonly outcome: 'empty'; readonly at: Offset }
  | { readonly outcome: 'missing' | 'lost' | 'past-end' }
  | { readonly outcome: 'trimmed'; readonly first: Offset }

export interface LogPagesOptions {
  readonly store: Pick<StreamStore, 'read'>
  readonly turns: LoopTurns
  /** Size at which a page is full, measured as `Batch.size`. */
  readonly pageSize: number
  /** Total size of the pages kept for later readers at the same place. */
  readonly keptSize: number
  readonly signal: AbortSignal
}

interface Entry {
  readonly page: Promise<LogPage>
  size: number
}

/** Number of records at which a page is full, however short they are. */
const MAX_RECORDS = 20_000

/**
 * What a reader knows of its stream. A kept page may belong to an earlier stream of that id, or contain records that
 * were trimmed since.
 */
export interface KnownLog {
  readonly incarnation: string
  /** Position of the place before the first record that is kept. */
  readonly first: number
}

/** Most records in a page of a store. */
const MAX_PAGE = 1000

/** Memory of a page beside its records. */
const OVERHEAD = 512

/** Most reads at a time. Bounds their memory and the load on the store. */
const MAX_READS = 16

export class LogPages {
  readonly #options: LogPagesOptions
  /** By place, the least recently used first. */
  readonly #entries = new Map<string, Entry>()
  readonly #queue: (() => void)[] = []
  #reads = 0
  #kept = 0

  constructor(options: LogPagesOptions) {
    this.#options = options
  }

  /** Size of the pages that are kept at present. */
  get kept(): number {
    return this.#kept
  }

  /**
   * Records of a stream after a place: a full page, or all there are. With `upTo`, only up to that position, which
   * must lie after the place; the place is then an offset. Rejects with the error of the store.
   */
  read(stream: string, after: Place, log: KnownLog, upTo = Number.POSITIVE_INFINITY): Promise<LogPage> {
    const key = `${keyOf(after)} ${upTo} ${log.incarnation} ${stream}`
    const known = this.#entries.get(key)
    if (known) {
      this.#entries.delete(key)
      this.#entries.set(key, known)
      if (log.first === 0) return known.page
      return known.page.then((page) => {
        if (page.outcome !== 'page' || page.batch.from.position >= log.first) return page
        if (this.#entries.get(key) === known) this.#delete(key, known)
        return this.read(stream, after, log, upTo)
      })
    }
    const entry: Entry = { page: this.#load(stream, log.incarnation, after, upTo), size: 0 }
    this.#entries.set(key, entry)
    const settle = (page?: LogPage): void => this.#settle(key, entry, page)
    entry.page.then(settle, () => settle())
    return entry.page
  }

  /** Forgets all pages: there are no readers. */
  clear(): void {
    this.#entries.clear()
    this.#kept = 0
  }

  /**
   * Keeps a page only if it cannot change: a full page that more records follow, or the last page of a closed stream.
   */
  #settle(key: string, entry: Entry, page: LogPage | undefined): void {
    if (this.#entries.get(key) !== entry) return
    const keeps =
      page?.outcome === 'page' &&
      (page.batch.reach === 'closed' ||
        // A page that reached the tail says so, which becomes wrong with the next append.
        (page.batch.reach === 'more' && this.#isFull(page.batch.span)))
    if (!keeps) {
      this.#entries.delete(key)
      return
    }
    entry.size = page.batch.size + OVERHEAD
    this.#kept += entry.size
    for (const [oldest, { size }] of this.#entries) {
      if (this.#kept <= this.#options.keptSize) break
      // The new page stays even if it exceeds the limit alone: otherwise each reader of a large record would read it
      // again. An entry without a size is still being read.
      if (oldest === key || size === 0) continue
      this.#delete(oldest, { size })
    }
  }

  #delete(key: string, { size }: Pick<Entry, 'size'>): void {
    this.#entries.delete(key)
    this.#kept -= size
  }

  async #load(stream: string, incarnation: string, after: Place, upTo: number): Promise<LogPage> {
    if (this.#reads >= MAX_READS) await new Promise<void>((resolve) => this.#queue.push(resolve))
    else this.#reads++
    try {
      return await this.#gather(stream, incarnation, after, upTo)
    } finally {
      // The slot goes to the next in the queue, so that a new read cannot overtake waiting ones.
      const next = this.#queue.shift()
      if (next) next()
      else this.#reads--
    }
  }

  #isFull(span: Span | undefined): boolean {
    return span !== undefined && (span.size >= this.#options.pageSize || span.length >= MAX_RECORDS)
  }

  /** A page of a store has at most 1,000 records; pages of short records are joined. */
  async #gather(stream: string, incarnation: string, after: Place, upTo: number): Promise<LogPage> {
    const { store, turns, pageSize, signal } = this.#options
    let span: Span | undefined
    let from: Offset | undefined
    let next: Offset | undefined
    for (;;) {
      await turns.pass()
      const place = next ?? after
      const left = isOffset(place) ? upTo - place.position : upTo
      const result = await store.read(stream, place, {
        maxBytes: pageSize - (span?.size ?? 0),
        ...(left < MAX_PAGE && { maxRecords: left }),
        incarnation,
        signal,
      })
      // The records before the loss are still valid.
      if (result.outcome !== 'page') return span && from && next ? pageOf(span, from, next, 'more') : result
      from ??= result.from
      const length = result.next.position - result.from.position
      if (length > 0) {
        const more = Span.of(result, length)
        turns.spend(more.size)
        span = span ? span.concat(more) : more
      }
      next = result.next
      if (result.upToDate || length === 0 || next.position >= upTo || this.#isFull(span)) {
        const reach = result.closed ? 'closed' : result.upToDate ? 'tail' : 'more'
        return span ? pageOf(span, from, next, reach, result.end) : { outcome: 'empty', at: next }
      }
    }
    function pageOf(records: Span, first: Offset, last: Offset, reach: Reach, end?: Json): LogPage {
      return { outcome: 'page', batch: new Batch(stream, first, last, records, reach, end) }
    }
  }
}

function isOffset(place: Place): place is Offset {
  return typeof place === 'object' && 'stamp' in place
}

function keyOf(place: Place): string {
  if (typeof place === 'string') return place
  if (isOffset(place)) return encodeOffset(place)
  return 'last' in place ? `last ${place.last}` : `at ${place.position}`
}
