/**
 * Lists streams: keeps the lists consistent with the streams, and queries both. stream-lists.ts explains why they are
 * separate.
 */
import { infoOf } from '../../bookkeeping/stream-state.ts'
import type { StreamState } from '../../bookkeeping/stream-state.ts'
import { StoreError } from '../../errors.ts'
import type { StoreErrorCode } from '../../errors.ts'
import type { CheckedConfig } from '../../bookkeeping/configurations.ts'
import type { StreamList } from '../../listing.ts'
import type { CheckedLatest, CheckedList } from '../../bookkeeping/list-requests.ts'
import type { StreamInfo } from '../../stream.ts'
import { stepOf } from '../../bookkeeping/retention.ts'
import type { GoneFork } from '../state.ts'
import { listOf } from '../keys.ts'
import type { LatestLists } from './latest-lists.ts'
import type { Listing, ListName, StreamLists } from './stream-lists.ts'
import type { SettledClock } from '../../bookkeeping/settled-clock.ts'
import type { CopiedFork, CreateAnswer, RemovedStream, RedisStreamTable } from '../stream-table.ts'

/** Redis's error for a stream whose keys hold something else. All other errors concern its server. */
const OF_ONE_STREAM: ReadonlySet<StoreErrorCode> = new Set(['not_a_store', 'corrupt', 'failed'])

/** Streams looked at together. */
const SLICE = 100

/** What a sweep reports. */
export interface CatalogueEvents {
  /** Records of a stream were trimmed. */
  readonly trimmed: (id: string) => void
  /** A fork is gone for good. */
  readonly gone: (fork: GoneFork) => Promise<void>
}

export class Catalogue {
  readonly #table: RedisStreamTable
  readonly #lists: StreamLists
  readonly #latest: LatestLists
  readonly #ordered: boolean
  readonly #heard: CatalogueEvents

  /** @param ordered see `Servers`. */
  constructor(
    table: RedisStreamTable,
    lists: StreamLists,
    latest: LatestLists,
    ordered: boolean,
    heard: CatalogueEvents,
  ) {
    this.#latest = latest
    this.#heard = heard
    this.#table = table
    this.#lists = lists
    this.#ordered = ordered
  }

  /** Lists a stream before it is created, and again after. */
  async listed<T>(list: () => Promise<void>, act: () => Promise<T>): Promise<T> {
    if (this.#ordered) {
      const acting = [list(), act(), list()] as const
      await Promise.allSettled(acting)
      const [, result] = await Promise.all(acting)
      return result
    }
    await list()
    const result = await act()
    await list()
    return result
  }

  /** Creates a stream, and lists it. */
  async create(id: string, config: CheckedConfig, copied?: CopiedFork): Promise<CreateAnswer> {
    const { owner, closed, ttlMs, expiresAt, lease, retention } = config
    const leasing = { leased: lease !== undefined, leaseMs: lease?.ttlMs }
    const ageMs = retention?.ageMs
    const agedInMs = ageMs === undefined ? undefined : ageMs + stepOf(ageMs)
    const listing: Listing = { owner, open: !closed, ttlMs, endsAt: expiresAt, agedInMs, ...leasing }
    const create = (): Promise<CreateAnswer> =>
      this.listed(
        () => this.#lists.add(id, listing),
        () => this.#table.create(id, config, copied),
      )
    const list = listOf(config)
    if (list === undefined) return create()
    return this.#latest.create(list, id, create, (made) => (made.created ? made.state : undefined))
  }

  /** Removes a stream that is gone from the lists, and puts it back if it was created anew meanwhile. */
  async remove(id: string, { owner, list }: Partial<RemovedStream>): Promise<void> {
    await Promise.all([this.#lists.remove(id, owner), list === undefined || this.#latest.drop(list, id)])
    await this.#putBack(id)
  }

  /** An expired stream stays listed, so that a sweep finds and reports it. */
  async #removeMissing(id: string, owner: string | undefined): Promise<void> {
    if (!(await this.#table.isKept(id))) await this.remove(id, { owner })
  }

  /** Removes an id from a list that it does not belong to, unless that has changed. */
  async drop(list: ListName, id: string, owner?: string | null): Promise<void> {
    await this.#lists.drop(list, id, owner)
    await this.#putBack(id)
  }

  async #putBack(id: string): Promise<void> {
    const since = await this.#table.look(id)
    if (!since) return
    const list = listOf(since)
    await this.#lists.add(id, listingOf(since))
    if (list !== undefined) await this.#latest.found(list, id, since)
  }

  list(checked: CheckedList | CheckedLatest, signal: AbortSignal | undefined): Promise<StreamList> {
    return 'listed' in checked ? this.#latestOf(checked, signal) : this.#listById(checked, signal)
  }

  async #listById(checked: CheckedList, signal: AbortSignal | undefined): Promise<StreamList> {
    const { owner, closed, leased, limit } = checked
    // No stream can have such an owner.
    if (typeof owner === 'string' && !owner.isWellFormed()) return { streams: [] }
    if (leased && closed === true) return { streams: [] }
    const streams: StreamInfo[] = []
    for (let after = checked.after; ;) {
      signal?.throwIfAborted()
      const wanted = limit + 1 - streams.length
      const { list, ids } = await this.#lists.page(checked, after, Math.max(wanted, SLICE))
      const found = await Promise.all(ids.map((id) => this.#lookPast(id)))
      const tidying: Promise<void>[] = []
      for (const [n, id] of ids.entries()) {
        const state = found[n]
        if (state === 'damaged') continue
        if (!state) tidying.push(this.#removeMissing(id, owner ?? undefined))
        else if (!belongs(list, state, owner)) tidying.push(this.drop(list, id, owner))
        else if ((closed === undefined || state.closed === closed) && (!leased || state.leased))
          streams.push(infoOf(id, state))
        if (streams.length > limit) break
      }
      await Promise.all(tidying)
      const last = ids.at(-1)
      if (streams.length > limit) {
        streams.length = limit
        return { streams, next: (streams.at(-1) as StreamInfo).id }
      }
      if (last === undefined || ids.length < Math.max(wanted, SLICE)) return { streams }
      after = last
    }
  }

  /** A page of a list, the latest first. Before the first page, streams with unfinished moves are moved. */
  async #latestOf(checked: CheckedLatest, signal: AbortSignal | undefined): Promise<StreamList> {
    const { owner, limit } = checked
    if (owner?.isWellFormed() === false) return { streams: [] }
    const list = listOf(checked) as string
    if (checked.before === Number.MAX_SAFE_INTEGER) await this.#latest.moveMarked(list)
    const streams: StreamInfo[] = []
    let last = checked.before
    for (let before = checked.before; ;) {
      signal?.throwIfAborted()
      const wanted = limit + 1 - streams.length
      const places = await this.#latest.page(list, before, wanted)
      const found = await Promise.all(places.map(({ id }) => this.#lookPast(id)))
      for (const [n, { id, place }] of places.entries()) {
        before = place
        const state = found[n]
        if (state === 'damaged') continue
        if (!state) await this.#dropMissing(list, id)
        else if (listOf(state) !== list) await this.#dropListed(list, id)
        else if (streams.length === limit) return { streams, next: String(last) }
        else {
          last = place
          streams.push(infoOf(id, state))
        }
      }
      if (places.length < wanted) return { streams }
    }
  }

  async #dropMissing(list: string, id: string): Promise<void> {
    if (!(await this.#table.isKept(id))) await this.#dropListed(list, id)
  }

  async #dropListed(list: string, id: string): Promise<void> {
    await this.#latest.drop(list, id)
    await this.#putBack(id)
  }

  /** A stream that cannot be read does not hide the others. */
  async #lookPast(id: string): Promise<StreamState | 'damaged' | undefined> {
    try {
      return await this.#table.look(id)
    } catch (error) {
      if (error instanceof StoreError && OF_ONE_STREAM.has(error.code)) return 'damaged'
      throw error
    }
  }

  /** Removes expired streams and returns their number. A failure is thrown after the others were removed. */
  async sweep(clock: SettledClock, signal: AbortSignal | undefined): Promise<number> {
    let swept = 0
    const removes = clock.isSettled(await this.#lists.time())
    // Due by the clock of the list, not of the stream: in a Cluster they are different servers.
    const alive = new Set<string>()
    const failures: unknown[] = []
    for (;;) {
      signal?.throwIfAborted()
      const due = await this.#lists.due('ends', SLICE + alive.size)
      if (due.clockWentBack) {
        for await (const some of this.#lists.all('ends'))
          swept += await this.#sweep(some, alive, failures, removes)
        continue
      }
      const ids = removes ? due.ids.filter((id) => !alive.has(id)) : []
      if (ids.length === 0) {
        if (failures.length > 0) throw failures[0]
        return swept
      }
      swept += await this.#sweep(ids, alive, failures, removes)
    }
  }

  /** Returns how many were removed. Others that exist, or may exist, are added to `alive`. */
  async #sweep(
    ids: readonly string[],
    alive: Set<string>,
    failures: unknown[],
    removes: boolean,
  ): Promise<number> {
    const removed = await Promise.allSettled(
      ids.map(async (id) => {
        const answer = await this.#table.sweep(id, removes)
        if (answer.found === 'alive') {
          alive.add(id)
          if (answer.trimmed) this.#heard.trimmed(id)
          await this.#lists.set('ends', id, answer.endsAt)
        } else {
          await this.remove(id, answer.found === 'removed' ? answer : {})
          if (answer.found === 'removed' && answer.gone) await this.#heard.gone(answer.gone)
        }
        return answer.found === 'removed'
      }),
    )
    for (const [n, one] of removed.entries()) {
      if (one.status === 'fulfilled') continue
      alive.add(ids[n] as string)
      failures.push(one.reason)
    }
    return removed.filter((one) => one.status === 'fulfilled' && one.value).length
  }
}

/** Whether a list names a stream correctly, for an owner or for all. */
function belongs(
  list: ListName,
  { owner, closed, leased }: StreamState,
  asked: string | null | undefined,
): boolean {
  if (asked !== undefined && owner !== (asked ?? undefined)) return false
  if (list === 'leased') return leased && !closed
  return list !== 'open' || !closed
}

function listingOf({ owner, closed, leased, ttlMs, expiresAt, retention }: StreamState): Listing {
  const ends = ttlMs === undefined ? { endsAt: expiresAt } : { ttlMs }
  const aged = retention?.ageMs === undefined ? {} : { agedInMs: 0 }
  // The next look at expired leases finds out whether it has a lease, and for how long.
  return { owner, open: !closed, leased: leased && !closed, ...(!closed && { leaseMs: 0 }), ...ends, ...aged }
}
