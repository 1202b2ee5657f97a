/** The leases of the Redis store. */
import type { Reply } from '../../redis/open-client.ts'
import { infoOf } from '../bookkeeping.ts'
import { leaseOf } from '../lease-bookkeeping.ts'
import type { LeaseState } from '../lease-bookkeeping.ts'
import type { AcquireResult, Lease, LeaseRequest, LeaseStore, RenewResult } from '../leases.ts'
import { checkId, checkInteger, checkLease } from '../requests.ts'
import type { Keys } from './keys.ts'
import { ACQUIRE, LOOK_AT_LEASE, RELEASE, RENEW } from './lease-scripts.ts'
import type { Scripts } from './scripts.ts'
import { parseLease, parseState } from './state.ts'
import type { StreamLists } from './stream-lists.ts'

export interface RedisLeasesOptions {
  readonly scripts: Scripts
  readonly keys: Keys
  readonly lists: StreamLists
  /** Lists a stream, does something, and lists it again; see stream-lists.ts. */
  readonly listed: <T>(list: () => Promise<void>, act: () => Promise<T>) => Promise<T>
  readonly call: <T>(work: () => Promise<T>, signal: AbortSignal | undefined) => Promise<T>
}

/** Leases looked at in one go. */
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
      const [word, first, second] = (await listed(list, take)) as [Reply, Reply, Reply]
      switch (String(word)) {
        case 'acquired': {
          const state = parseState(second)
          return {
            outcome: 'acquired',
            lease: leaseOf(id, state, parseLease(first)),
            info: infoOf(id, state),
          }
        }
        case 'held':
          return { outcome: 'held', lease: leaseWith(id, String(second), parseLease(first)) }
        case 'closed':
          return { outcome: 'closed', offset: { incarnation: String(first), position: Number(second) } }
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
    const at = await call(async () => {
      const [end, isSooner] = (await scripts.onStream(RENEW, keys.of(stream), values)) as Reply[]
      // The list names the earliest end that there may be. Without this it is found, but as late as before.
      if (isSooner === 1) await lists.addLease(stream, ttlMs)
      return end
    }, signal)
    if (at === undefined) return { outcome: 'lost' }
    const renewed: Lease = { stream, incarnation, holder, epoch, ttlMs, expiresAt: Number(String(at)) }
    return { outcome: 'renewed', lease: renewed }
  }

  async release({ stream, incarnation, epoch, holder }: Lease, signal?: AbortSignal): Promise<boolean> {
    checkId(stream)
    const { scripts, keys, call } = this.#options
    const values = [incarnation, String(epoch), holder]
    return (await call(() => scripts.onStream(RELEASE, keys.of(stream), values), signal)) === 1
  }

  async expired(options: { limit?: number; signal?: AbortSignal } = {}): Promise<readonly Lease[]> {
    const { limit = 100, signal } = options
    checkInteger(limit, 1, 1000, 'invalid_limit', 'The leases of a page')
    return this.#options.call(() => this.#expired(limit, signal), signal)
  }

  async #expired(limit: number, signal: AbortSignal | undefined): Promise<readonly Lease[]> {
    const { lists } = this.#options
    const over: Lease[] = []
    // What is over stays in the list; what is not moves, or goes.
    const seen = new Set<string>()
    for (;;) {
      signal?.throwIfAborted()
      const { clockWentBack, ids } = await lists.due('leases', SLICE, seen)
      if (clockWentBack) {
        await this.#lookAtAll(signal)
        continue
      }
      for (const id of ids) seen.add(id)
      const found = await Promise.all(ids.map((id) => this.#look(id)))
      over.push(...found.filter((lease) => lease !== undefined))
      if (ids.length === 0 || over.length >= limit) break
    }
    return over.sort((a, b) => a.expiresAt - b.expiresAt).slice(0, limit)
  }

  /** Cuts every lease that was written before the clock went back. */
  async #lookAtAll(signal: AbortSignal | undefined): Promise<void> {
    for await (const ids of this.#options.lists.all('leases')) {
      signal?.throwIfAborted()
      await Promise.all(ids.map((id) => this.#look(id)))
    }
  }

  /** The lease of a stream when its time is over; corrects the list otherwise. */
  async #look(id: string): Promise<Lease | undefined> {
    const { lists } = this.#options
    const there = await this.#leaseOf(id)
    if (there) {
      await lists.set('leases', id, there.lease.expiresAt)
      return there.isOver ? there.lease : undefined
    }
    await lists.drop('leases', id)
    // Somebody may have taken it, and listed it, before it was dropped.
    const since = await this.#leaseOf(id)
    if (since) await lists.addLease(id, since.lease.ttlMs)
    return undefined
  }

  async #leaseOf(id: string): Promise<{ lease: Lease; isOver: boolean } | undefined> {
    const { scripts, keys } = this.#options
    const [text, incarnation, over] = (await scripts.onStream(LOOK_AT_LEASE, keys.of(id))) as Reply[]
    if (text === undefined) return undefined
    return { lease: leaseWith(id, String(incarnation), parseLease(text)), isOver: over === 1 }
  }
}

function leaseWith(stream: string, incarnation: string, lease: LeaseState): Lease {
  return { stream, incarnation, ...lease }
}
