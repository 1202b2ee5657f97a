/**
 * The streams in memory, with indexes by owner and lease in the order of ids, the owners' lists in the order of the
 * last appends, and the leases in the order of expiry. The cost of a page depends on its size.
 */
import { infoOf, isAlive } from '../bookkeeping/stream-state.ts'
import { compareLeases, leaseEnd } from '../bookkeeping/lease-bookkeeping.ts'
import type { LeaseState, PlaceOfLease } from '../bookkeeping/lease-bookkeeping.ts'
import type { StreamList } from '../listing.ts'
import type { CheckedLatest, CheckedList } from '../bookkeeping/list-requests.ts'
import type { StreamInfo } from '../stream.ts'
import type { MemoryStream } from './memory-stream.ts'
import { compareIds, Sorted } from './sorted.ts'

type Streams = Map<string, MemoryStream>

/** Ids of all streams, and of the open ones with a lease. */
class Listed {
  readonly all = new Sorted(compareIds)
  readonly leased = new Sorted(compareIds)
  /** The streams on the lists of one owner, by the name of the list. */
  readonly latest = new Map<string, Sorted<ListedId>>()
}

/** A place on a list; larger is later. */
interface ListedId {
  readonly at: number
  readonly id: string
}

function latestFirst(a: ListedId, b: ListedId): number {
  return b.at - a.at
}

export class StreamIndex {
  readonly all: Streams = new Map()
  /** Streams that are gone, whose ids are kept because forks of them exist. */
  readonly retired: Streams = new Map()
  readonly #listed = new Listed()
  /** By owner; undefined for streams without one. */
  readonly #owned = new Map<string | undefined, Listed>()
  /** Leases of open streams, and of closed ones that owe something. */
  readonly #leases = new Sorted<PlaceOfLease>(compareLeases)
  /** The latest time at which a lease was given. */
  #lastGiven = 0
  #moves = 0

  add(id: string, stream: MemoryStream): void {
    this.all.set(id, stream)
    if (stream.source) stream.source.forks++
    let own = this.#owned.get(stream.owner)
    if (!own) this.#owned.set(stream.owner, (own = new Listed()))
    own.all.add(id)
    this.#listed.all.add(id)
    this.move(id, stream)
  }

  remove(id: string, stream: MemoryStream): void {
    this.lease(id, stream, undefined)
    this.all.delete(id)
    this.#listed.all.delete(id)
    const own = this.#owned.get(stream.owner)
    own?.all.delete(id)
    if (stream.listed !== undefined) {
      const list = own?.latest.get(stream.listed)
      list?.delete({ at: stream.listedAt, id })
      if (list?.size === 0) own?.latest.delete(stream.listed)
    }
    if (own?.all.size === 0) this.#owned.delete(stream.owner)
    if (stream.forks > 0) this.retired.set(id, stream)
    else this.#forget(stream)
  }

  /** Removes the rest of a stream, and of its source if that was kept only for this fork. */
  #forget(stream: MemoryStream): void {
    for (let gone = stream; gone.source && gone.forkedFrom; gone = gone.source) {
      const { source, forkedFrom } = gone
      if (--source.forks > 0 || this.retired.get(forkedFrom.id) !== source) return
      this.retired.delete(forkedFrom.id)
    }
  }

  /** Sets or removes the lease of an existing stream. */
  lease(id: string, stream: MemoryStream, lease: LeaseState | undefined): void {
    const before = stream.lease
    stream.lease = lease
    if (before) this.#leases.delete({ stream: id, expiresAt: before.expiresAt })
    if (lease) {
      this.#leases.add({ stream: id, expiresAt: lease.expiresAt })
      this.#lastGiven = Math.max(this.#lastGiven, lease.expiresAt - lease.ttlMs)
    }
    // A renewal changes neither.
    if (lease && !stream.closed) {
      if (!before) this.#listLeased(id, stream)
    } else if (before) {
      this.#listed.leased.delete(id)
      this.#owned.get(stream.owner)?.leased.delete(id)
    }
  }

  #listLeased(id: string, stream: MemoryStream): void {
    this.#listed.leased.add(id)
    this.#owned.get(stream.owner)?.leased.add(id)
  }

  /** Streams with expired leases, in the order of leases, after a place. */
  *over(now: number, after: PlaceOfLease): Generator<readonly [string, MemoryStream]> {
    if (now < this.#lastGiven) this.#cutLeases(now)
    for (const place of this.#leases.from(after)) {
      if (place.expiresAt > now) return
      const stream = this.all.get(place.stream)
      if (stream && compareLeases(place, after) > 0) yield [place.stream, stream]
    }
  }

  /** After the clock went back: leases given later than now last their length from now. */
  #cutLeases(now: number): void {
    const all = Array.from(this.#leases.from({ stream: '', expiresAt: 0 }))
    for (const { stream: id } of all) {
      const stream = this.all.get(id)
      if (!stream?.lease) continue
      const expiresAt = leaseEnd(stream.lease, now)
      if (expiresAt !== stream.lease.expiresAt) this.lease(id, stream, { ...stream.lease, expiresAt })
    }
    this.#lastGiven = now
  }

  /** Puts a stream first on its list, if it is on one, after records were appended to it. */
  move(id: string, stream: MemoryStream): void {
    const { listed, listedAt } = stream
    const own = listed === undefined ? undefined : this.#owned.get(stream.owner)
    if (listed === undefined || !own) return
    let list = own.latest.get(listed)
    if (!list) own.latest.set(listed, (list = new Sorted(latestFirst)))
    if (list.first()?.id === id) return
    list.delete({ at: listedAt, id })
    stream.listedAt = ++this.#moves
    list.add({ at: stream.listedAt, id })
  }

  /** A page of a list. */
  latest({ owner, listed, before, limit }: CheckedLatest, now: number): StreamList {
    const streams: StreamInfo[] = []
    const places =
      this.#owned
        .get(owner)
        ?.latest.get(listed)
        ?.from({ at: before - 1, id: '' }) ?? []
    let last = 0
    for (const { at, id } of places) {
      const stream = this.all.get(id)
      if (!stream || !isAlive(stream, now, stream.lease)) continue
      if (streams.length === limit) return { streams, next: String(last) }
      last = at
      streams.push(infoOf(id, stream))
    }
    return { streams }
  }

  /** A page of the existing streams, in the order of their ids. */
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

  /** Number of streams of an owner (undefined for none), expired or not. */
  count(owner: string | undefined): number {
    return this.#owned.get(owner)?.all.size ?? 0
  }

  clear(): void {
    this.all.clear()
    this.retired.clear()
    this.#listed.all.clear()
    this.#listed.leased.clear()
    this.#owned.clear()
    this.#leases.clear()
  }
}
