/** The leases of the Redis store. */
import type { Reply } from '../../redis/open-client.ts'
import type { Json } from '../../protocol/json.ts'
import { infoOf } from '../bookkeeping/stream-state.ts'
import { compareLeases, leaseOf } from '../bookkeeping/lease-bookkeeping.ts'
import type { LeaseState } from '../bookkeeping/lease-bookkeeping.ts'
import type {
  AcquireResult,
  ClaimResult,
  ExpiredOptions,
  Lease,
  LeaseRequest,
  LeaseStore,
  RenewResult,
} from '../leases.ts'
import { checkExpired, checkLeft } from '../bookkeeping/lease-requests.ts'
import type { CheckedExpired } from '../bookkeeping/lease-requests.ts'
import { checkId, checkLease } from '../bookkeeping/requests.ts'
import type { StreamLimits } from '../stream.ts'
import type { Keys } from './keys.ts'
import { ACQUIRE, CLAIM, HAND_OVER, LOOK_AT_LEASE, RENEW, SETTLE } from './scripts/lease-scripts.ts'
import type { Scripts } from './scripts/scripts.ts'
import { parseLease, parseState } from './state.ts'
import type { StreamLists } from './lists/stream-lists.ts'

export interface RedisLeasesOptions {
  readonly limits: StreamLimits
  readonly scripts: Scripts
  readonly keys: Keys
  readonly lists: StreamLists
  /** Lists a stream, does something, and lists it again; see stream-lists.ts. */
  readonly listed: <T>(list: () => Promise<void>, act: () => Promise<T>) => Promise<T>
  readonly call: <T>(work: () => Promise<T>, signal: AbortSignal | undefined) => Promise<T>
}

/** Leases per page. */
const SLICE = 100

export class RedisLeases implements LeaseStore {
  readonly #options: RedisLeasesOptions

  constructor(options: RedisLeasesOptions) {
    this.#options = options
  }

  async acquire(id: string, request: LeaseRequest, signal?: AbortSignal): Promise<AcquireResult> {
    checkId(id)
    checkLease(request)
    const { scripts, keys, lists, listed, call } = this.#options
    const { holder, ttlMs } = request
    return call(async () => {
      const list = (): Promise<void> => lists.addLease(id, ttlMs)
      const take = (): Promise<Reply> =>
        scripts.onStream(ACQUIRE, keys.of(id), (server) => [holder, String(ttlMs), server])
      const [word, first, second, stamp] = (await listed(list, take)) as [Reply, Reply, Reply, Reply]
      switch (String(word)) {
        case 'acquired': {
          const state = parseState(second, stamp)
          // The owner is known only now. A process that dies in between leaves the stream out of that list only.
          if (!state.leased) await lists.add(id, { owner: state.owner, open: true, leased: true })
          return {
            outcome: 'acquired',
            lease: leaseOf(id, state, parseLease(first)),
            info: infoOf(id, state),
          }
        }
        case 'held':
          return { outcome: 'held', lease: leaseWith(id, String(second), parseLease(first)) }
        case 'closed':
          return { outcome: 'closed', offset: { position: Number(second), stamp: String(first) } }
        default:
          return { outcome: 'missing' }
      }
    }, signal)
  }

  async renew(lease: Lease, signal?: AbortSignal): Promise<RenewResult> {
    checkId(lease.stream)
    checkLease(lease)
    const { stream, incarnation, epoch, holder, ttlMs } = lease
    const { scripts, keys, lists, call } = this.#options
    const values = [incarnation, String(epoch), holder, String(ttlMs)]
    const found = await call(async () => {
      const [end, isSooner, owing] = (await scripts.onStream(RENEW, keys.of(stream), values)) as Reply[]
      // The list holds the earliest possible expiry. Without this update it is found too, but later.
      if (isSooner === 1) await lists.addLease(stream, ttlMs)
      return end === undefined ? undefined : { expiresAt: Number(String(end)), owing }
    }, signal)
    if (!found) return { outcome: 'lost' }
    const { expiresAt, owing } = found
    const renewed: Lease = { stream, incarnation, holder, epoch, ttlMs, expiresAt }
    return { outcome: 'renewed', lease: owing === 1 ? { ...renewed, owed: true } : renewed }
  }

  async handOver({ stream, incarnation, epoch, holder }: Lease, signal?: AbortSignal): Promise<boolean> {
    checkId(stream)
    const { scripts, keys, lists, call } = this.#options
    const values = [incarnation, String(epoch), holder]
    return call(async () => {
      if ((await scripts.onStream(HAND_OVER, keys.of(stream), values)) !== 1) return false
      await lists.addLease(stream, 0)
      return true
    }, signal)
  }

  async claim(
    owed: Pick<Lease, 'stream' | 'incarnation'>,
    request: LeaseRequest,
    signal?: AbortSignal,
  ): Promise<ClaimResult> {
    const { stream: id, incarnation } = owed
    checkId(id)
    checkLease(request)
    const { holder, ttlMs } = request
    const { scripts, keys, lists, listed, call } = this.#options
    return call(async () => {
      const claim = (): Promise<Reply> =>
        scripts.onStream(CLAIM, keys.of(id), (server) => [incarnation, holder, String(ttlMs), server])
      const list = (): Promise<void> => lists.addLease(id, ttlMs)
      const [taken, fields, stamp, owes] = (await listed(list, claim)) as readonly Reply[]
      if (taken === undefined || fields === undefined || stamp === undefined) return { outcome: 'lost' }
      const state = parseState(fields, stamp)
      return {
        outcome: 'claimed',
        lease: leaseOf(id, state, { ...parseLease(taken), owes: String(owes) }),
        info: infoOf(id, state),
        owes: JSON.parse(String(owes)) as Json,
      }
    }, signal)
  }

  async settle(lease: Lease, left?: Json, signal?: AbortSignal): Promise<boolean> {
    const { stream, incarnation, epoch, holder } = lease
    checkId(stream)
    const { scripts, keys, limits, call } = this.#options
    const values = [incarnation, String(epoch), holder, checkLeft(left, limits) ?? '']
    // The list names it until the next look at expired leases.
    return call(async () => (await scripts.onStream(SETTLE, keys.of(stream), values)) === 1, signal)
  }

  async expired(options: ExpiredOptions = {}): Promise<readonly Lease[]> {
    const page = checkExpired(options)
    return this.#options.call(() => this.#expired(page, options.signal), options.signal)
  }

  async #expired(
    { limit, after }: CheckedExpired,
    signal: AbortSignal | undefined,
  ): Promise<readonly Lease[]> {
    const { lists } = this.#options
    const place = { at: after.expiresAt, id: after.stream }
    // A look corrects each entry: expired leases get their place, others move back or are removed. Once all entries
    // of a page were checked, it is in order.
    const looked = new Map<string, PromiseSettledResult<Lease | undefined>>()
    const isNone = (id: string): boolean => looked.has(id) && leaseIn(looked.get(id)) === undefined
    // Entries that stay and return nothing: the lease has not expired by the clock of the stream, or cannot be read.
    for (let none = 0; ;) {
      signal?.throwIfAborted()
      const { clockWentBack, ids } = await lists.due('leases', limit + none, place)
      if (clockWentBack) {
        await this.#lookAtAll(signal)
        continue
      }
      const asked = none
      none = ids.filter(isNone).length
      const fresh = ids.filter((id) => !looked.has(id))
      if (fresh.length === 0 && none <= asked) {
        const page = ids.flatMap((id) => leaseIn(looked.get(id)) ?? [])
        const failure = [...looked.values()].find(({ status }) => status === 'rejected')
        if (page.length === 0 && failure?.status === 'rejected') throw failure.reason
        return page.sort(compareLeases).slice(0, limit)
      }
      for (let at = 0; at < fresh.length; at += SLICE) {
        const slice = fresh.slice(at, at + SLICE)
        const looks = await Promise.allSettled(slice.map((id) => this.#look(id)))
        for (const [n, id] of slice.entries())
          looked.set(id, looks[n] as PromiseSettledResult<Lease | undefined>)
      }
    }
  }

  /** Cuts every lease that was written before the clock went back. */
  async #lookAtAll(signal: AbortSignal | undefined): Promise<void> {
    for await (const ids of this.#options.lists.all('leases')) {
      signal?.throwIfAborted()
      await Promise.all(ids.map((id) => this.#look(id)))
    }
  }

  /** The lease of a stream if it has expired; otherwise corrects the list. */
  async #look(id: string): Promise<Lease | undefined> {
    const { lists } = this.#options
    const there = await this.#leaseOf(id)
    if (there) {
      await lists.set('leases', id, there.lease.expiresAt)
      return there.isOver ? there.lease : undefined
    }
    await lists.drop('leases', id)
    // Another process may have taken and listed it before it was removed.
    const since = await this.#leaseOf(id)
    if (since) await lists.addLease(id, since.lease.ttlMs)
    return undefined
  }

  async #leaseOf(id: string): Promise<{ lease: Lease; isOver: boolean } | undefined> {
    const { scripts, keys } = this.#options
    const [text, incarnation, over, owed] = (await scripts.onStream(LOOK_AT_LEASE, keys.of(id))) as Reply[]
    if (text === undefined) return undefined
    const lease = leaseWith(id, String(incarnation), parseLease(text))
    return { lease: owed === 1 ? { ...lease, owed: true } : lease, isOver: over === 1 }
  }
}

function leaseIn(look: PromiseSettledResult<Lease | undefined> | undefined): Lease | undefined {
  return look?.status === 'fulfilled' ? look.value : undefined
}

function leaseWith(stream: string, incarnation: string, lease: LeaseState): Lease {
  return { stream, incarnation, ...lease }
}
