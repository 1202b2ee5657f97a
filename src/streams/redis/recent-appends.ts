/**
 * The last appends of each producer in this process, to be repeated if Redis loses them: a replica that takes over,
 * or a server that restarts, may lack the latest writes.
 *
 * A producer's seq and its records are lost together. So if a seq is refused as a gap although it follows the last
 * stored one, this tells which appends are gone. Bounded in time and bytes: a failover loses only the latest writes.
 */
import type { CheckedAppend } from '../bookkeeping/requests.ts'
import type { Producer } from '../store.ts'
import type { IncarnatePlace } from './state.ts'

/** A stored append. */
export interface KeptAppend {
  readonly request: CheckedAppend
  /** Position before its first record. */
  readonly from: number
  readonly stamp: string
  readonly at: number
}

interface Recent {
  readonly producer: string
  readonly epoch: number
  lastSeq: number
  last: IncarnatePlace
  /** The last of them, in their order, up to `lastSeq`, behind `dropped` that are remembered no more. */
  appends: (KeptAppend | undefined)[]
  dropped: number
  bytes: number
}

/** What is known about a loss. */
export interface Loss {
  /** All lost appends, in order; undefined if some are no longer known. */
  readonly appends: readonly KeptAppend[] | undefined
  /** The place of the last stored record. */
  readonly last: IncarnatePlace
}

export interface RecentAppendsOptions {
  /** Milliseconds for which an append is remembered. */
  readonly ms: number
  /** Bytes remembered of one stream, and of all: records, metadata, checkpoints, and the overhead of an append. */
  readonly streamBytes: number
  readonly bytes: number
  /** Streams remembered. */
  readonly streams: number
}

/** Overhead of an append in bytes, about. */
const APPEND_BYTES = 400

const DEFAULTS: RecentAppendsOptions = {
  ms: 10_000,
  streamBytes: 256 * 1024,
  bytes: 32 * 1024 * 1024,
  streams: 10_000,
}

export class RecentAppends {
  readonly #options: RecentAppendsOptions
  /** Ordered by the last append, the latest last. */
  readonly #streams = new Map<string, Recent>()
  #bytes = 0

  constructor(options: Partial<RecentAppendsOptions> = {}) {
    this.#options = { ...DEFAULTS, ...options }
  }

  /**
   * @param next the place after the append.
   * @param stamp the stamp of its records.
   */
  keep(id: string, request: CheckedAppend, next: IncarnatePlace, stamp: string): void {
    const { producer } = request
    if (!producer || request.close) {
      if (request.close) this.forget(id)
      return
    }
    const known = this.#streams.get(id)
    const goesOn =
      known !== undefined &&
      known.producer === producer.id &&
      known.epoch === producer.epoch &&
      known.last.incarnation === next.incarnation &&
      known.lastSeq + 1 === producer.seq
    const recent: Recent = goesOn ? known : newRecent(producer, next)
    const from = next.at.position - request.records.length
    const at = performance.now()
    this.forget(id)
    recent.appends.push({ request, from, stamp, at })
    recent.bytes += sizeOf(request)
    recent.lastSeq = producer.seq
    recent.last = next
    this.#trim(recent, at)
    this.#streams.set(id, recent)
    this.#bytes += recent.bytes
    this.#makeRoom()
  }

  /** What was lost, judged by an append refused as a gap; undefined if the producer itself left the gap. */
  lossAt(id: string, { producer }: CheckedAppend, expectedSeq: number): Loss | undefined {
    const recent = this.#streams.get(id)
    if (!recent || !producer || recent.producer !== producer.id || recent.epoch !== producer.epoch)
      return undefined
    if (expectedSeq > recent.lastSeq) return undefined
    const missing = recent.lastSeq - expectedSeq + 1
    const isKnown = missing <= recent.appends.length - recent.dropped
    return {
      appends: isKnown ? (recent.appends.slice(-missing) as KeptAppend[]) : undefined,
      last: recent.last,
    }
  }

  forget(id: string): void {
    const recent = this.#streams.get(id)
    if (recent && this.#streams.delete(id)) this.#bytes -= recent.bytes
  }

  #trim(recent: Recent, now: number): void {
    const { ms, streamBytes } = this.#options
    for (;;) {
      const oldest = recent.appends[recent.dropped]
      if (!oldest || (oldest.at >= now - ms && recent.bytes <= streamBytes)) return
      this.#drop(recent, 1)
    }
  }

  #drop(recent: Recent, count: number): void {
    for (let n = 0; n < count; n++) {
      const { request } = recent.appends[recent.dropped] as KeptAppend
      recent.appends[recent.dropped++] = undefined
      recent.bytes -= sizeOf(request)
    }
    // Only sometimes, because it copies the rest.
    if (recent.dropped * 2 <= recent.appends.length) return
    recent.appends = recent.appends.slice(recent.dropped)
    recent.dropped = 0
  }

  /** Lost appends are recent ones, so each stream gives up its older half before any stream is forgotten. */
  #makeRoom(): void {
    if (this.#bytes > this.#options.bytes) {
      for (const recent of this.#streams.values()) {
        const before = recent.bytes
        this.#drop(recent, Math.floor((recent.appends.length - recent.dropped) / 2))
        this.#bytes -= before - recent.bytes
      }
    }
    while (this.#bytes > this.#options.bytes || this.#streams.size > this.#options.streams) {
      const [oldest] = this.#streams.keys()
      if (oldest === undefined) return
      this.forget(oldest)
    }
  }
}

function newRecent({ id, epoch }: Producer, last: IncarnatePlace): Recent {
  return { producer: id, epoch, lastSeq: -1, last, appends: [], dropped: 0, bytes: 0 }
}

function sizeOf({ bytes, metadata = '', checkpoint = '' }: CheckedAppend): number {
  return bytes + metadata.length + checkpoint.length + APPEND_BYTES
}
