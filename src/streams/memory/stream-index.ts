/**
 * The streams in memory, and which of them are whose and leased, in the order of their ids: a page of a listing costs
 * by what it holds, and a look at the leases by how many there are.
 */
import { infoOf, isAlive } from '../bookkeeping.ts'
import type { CheckedList, StreamList } from '../listing.ts'
import type { StreamInfo } from '../store.ts'
import type { MemoryStream } from './memory-stream.ts'
import { SortedIds } from './sorted-ids.ts'

type Streams = Map<string, MemoryStream>

/** Ids of streams, all of them and of those in `leased`. */
class Listed {
  readonly all = new SortedIds()
  readonly leased = new SortedIds()
}

export class StreamIndex {
  readonly all: Streams = new Map()
  /** Open ones that have a lease. */
  readonly leased: Streams = new Map()
  /** Closed ones that owe something. */
  readonly owing: Streams = new Map()
  /** Those that are gone, and whose ids are kept as there are forks of them. */
  readonly retired: Streams = new Map()
  readonly #listed = new Listed()
  /** Undefined: nobody's. */
  readonly #owned = new Map<string | undefined, Listed>()

  add(id: string, stream: MemoryStream): void {
    this.all.set(id, stream)
    if (stream.source) stream.source.forks++
    let own = this.#owned.get(stream.owner)
    if (!own) this.#owned.set(stream.owner, (own = new Listed()))
    own.all.add(id)
    this.#listed.all.add(id)
    if (stream.lease) this.lease(id, stream)
  }

  remove(id: string, stream: MemoryStream): void {
    this.unlease(id, stream)
    this.owing.delete(id)
    this.all.delete(id)
    this.#listed.all.delete(id)
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
    this.#listed.leased.add(id)
    this.#owned.get(stream.owner)?.leased.add(id)
  }

  unlease(id: string, stream: MemoryStream): void {
    if (!this.leased.delete(id)) return
    this.#listed.leased.delete(id)
    this.#owned.get(stream.owner)?.leased.delete(id)
  }

  /** Open or not. */
  *withLease(): Generator<readonly [string, MemoryStream]> {
    yield* this.leased
    yield* this.owing
  }

  /** A page of the streams that are there, in the order of their ids. */
  page({ prefix, owner, closed, leased, after, limit }: CheckedList, now: number): StreamList {
    const streams: StreamInfo[] = []
    const listed = owner === undefined ? this.#listed : this.#owned.get(owner ?? undefined)
    const ids = listed?.[leased ? 'leased' : 'all'].from(after < prefix ? prefix : after) ?? []
    for (const id of ids) {
      if (!id.startsWith(prefix)) break
      const stream = this.all.get(id)
      if (!stream || id === after || !isAlive(stream, now, stream.lease)) continue
      if (closed !== undefined && stream.closed !== closed) continue
      const last = streams.at(-1)
      if (last && streams.length === limit) return { streams, next: last.id }
      streams.push(infoOf(id, stream))
    }
    return { streams }
  }

  clear(): void {
    this.all.clear()
    this.leased.clear()
    this.owing.clear()
    this.retired.clear()
    this.#listed.all.clear()
    this.#listed.leased.clear()
    this.#owned.clear()
  }
}
