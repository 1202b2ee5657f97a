/**
 * The streams in memory, and which of them are whose and leased: what is asked of one owner costs by what is that
 * owner's, and a look at the leases by how many there are.
 */
import { infoOf, isAlive } from '../bookkeeping.ts'
import type { CheckedList, StreamList } from '../listing.ts'
import type { StreamInfo } from '../store.ts'
import type { MemoryStream } from './memory-stream.ts'

type Streams = Map<string, MemoryStream>

export class StreamIndex {
  readonly all: Streams = new Map()
  /** Open ones that have a lease. */
  readonly leased: Streams = new Map()
  /** Closed ones that owe something. */
  readonly owing: Streams = new Map()
  /** Those that are gone, and whose ids are kept as there are forks of them. */
  readonly retired: Streams = new Map()
  /** Undefined: nobody's. */
  readonly #owned = new Map<string | undefined, { readonly all: Streams; readonly leased: Streams }>()

  add(id: string, stream: MemoryStream): void {
    this.all.set(id, stream)
    if (stream.source) stream.source.forks++
    let own = this.#owned.get(stream.owner)
    if (!own) this.#owned.set(stream.owner, (own = { all: new Map(), leased: new Map() }))
    own.all.set(id, stream)
    if (stream.lease) this.lease(id, stream)
  }

  remove(id: string, stream: MemoryStream): void {
    this.unlease(id, stream)
    this.owing.delete(id)
    this.all.delete(id)
    const own = this.#owned.get(stream.owner)
    own?.all.delete(id)
    if (own?.all.size === 0) this.#owned.delete(stream.owner)
    if (stream.forks > 0) this.retired.set(id, stream)
    else this.#forget(stream)
  }

  /** Nothing is left of a stream; nor of what it was forked from, if that was kept for it alone. */
  #forget(stream: MemoryStream): void {
    for (let gone = stream; gone.source && gone.forkedFrom; gone = gone.source) {
      const { source, forkedFrom } = gone
      if (--source.forks > 0 || this.retired.get(forkedFrom.id) !== source) return
      this.retired.delete(forkedFrom.id)
    }
  }

  lease(id: string, stream: MemoryStream): void {
    this.leased.set(id, stream)
    this.#owned.get(stream.owner)?.leased.set(id, stream)
  }

  unlease(id: string, stream: MemoryStream): void {
    if (this.leased.delete(id)) this.#owned.get(stream.owner)?.leased.delete(id)
  }

  /** Open or not. */
  *withLease(): Generator<readonly [string, MemoryStream]> {
    yield* this.leased
    yield* this.owing
  }

  /** Among which the streams of an owner are, null for nobody, or the leased ones. */
  among(owner: string | null | undefined, leased: boolean): Iterable<readonly [string, MemoryStream]> {
    if (owner === undefined) return leased ? this.leased : this.all
    const own = this.#owned.get(owner ?? undefined)
    return own?.[leased ? 'leased' : 'all'] ?? []
  }

  /** A page of the streams that are there, in the order of their ids. */
  page({ prefix, owner, closed, leased, after, limit }: CheckedList, now: number): StreamList {
    const found: StreamInfo[] = []
    for (const [id, stream] of this.among(owner, leased)) {
      if (!id.startsWith(prefix) || id <= after || !isAlive(stream, now, stream.lease)) continue
      if (closed !== undefined && stream.closed !== closed) continue
      found.push(infoOf(id, stream))
    }
    found.sort((a, b) => (a.id < b.id ? -1 : 1))
    const streams = found.slice(0, limit)
    const last = streams.at(-1)
    return found.length > limit && last ? { streams, next: last.id } : { streams }
  }

  clear(): void {
    this.all.clear()
    this.leased.clear()
    this.owing.clear()
    this.retired.clear()
    this.#owned.clear()
  }
}
