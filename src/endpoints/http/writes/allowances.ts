/**
 * Limits what clients create and write through one endpoint. Rates are per process; the number of streams of an owner
 * comes from the store, and covers all processes.
 */
import type { Scope } from '../../../consumers/scope.ts'
import type { StreamStore } from '../../../streams/store.ts'
import { ByteBudget } from '../../byte-budget.ts'
import { RateLimit } from '../../rate-limit.ts'
import { Refusal } from '../refusal.ts'

/** How much may be created and written through the endpoints of one process. `Infinity` lifts a limit. */
export interface WriteLimits {
  /** Streams of one owner in the store. Runs count, and expired streams until they are swept. Default 10,000. */
  readonly streamsPerOwner: number
  /** Creations of one owner per minute. Default 600. */
  readonly creationsPerOwner: number
  /**
   * Creations of one client address per minute, for clients without an owner. An IPv6 address counts with its /64.
   * Clients of this machine are not counted, unless proxy headers are trusted. Default 600.
   */
  readonly creationsPerAddress: number
  /** Bytes of bodies that one owner writes per minute. Default 256 MiB. */
  readonly bytesPerOwner: number
  /**
   * Bytes of bodies that one client address writes per minute, for clients without an owner, counted in the same way.
   * Default 256 MiB.
   */
  readonly bytesPerAddress: number
}

const MIB = 1024 * 1024

export const WRITE_LIMITS: WriteLimits = {
  streamsPerOwner: 10_000,
  creationsPerOwner: 600,
  creationsPerAddress: 600,
  bytesPerOwner: 256 * MIB,
  bytesPerAddress: 256 * MIB,
}

/** Who writes: an owner, or a client without one. */
export interface Writer {
  readonly owner: string | undefined
  readonly scope: Pick<Scope<unknown>, 'network'>
}

export class Allowances {
  readonly #store: Pick<StreamStore, 'countOwned'>
  readonly #limits: WriteLimits
  readonly #creations = new RateLimit()
  readonly #bytes = new ByteBudget()
  /** Streams that are being created, by owner. */
  readonly #creating = new Map<string, number>()

  /** @throws {RangeError} naming the limit that is out of range. */
  constructor(store: Pick<StreamStore, 'countOwned'>, limits: Partial<WriteLimits> = {}) {
    this.#store = store
    this.#limits = checkWriteLimits({ ...WRITE_LIMITS, ...limits })
  }

  /** Counts a creation, before its body is read. @throws {Refusal} `too_many_creations`. */
  countCreation(writer: Writer): void {
    const key = keyOf(writer)
    if (key === undefined) return
    const { creationsPerOwner, creationsPerAddress } = this.#limits
    const most = writer.owner === undefined ? creationsPerAddress : creationsPerOwner
    refuseFor(this.#creations.take(key, most), 'too_many_creations')
  }

  /** Checks whether a client may write, before a body is read. @throws {Refusal} `too_many_bytes`. */
  checkBytes(writer: Writer): void {
    const key = keyOf(writer)
    if (key !== undefined) refuseFor(this.#bytes.wait(key, this.#bytesOf(writer)), 'too_many_bytes')
  }

  /**
   * Counts a body before it is written. A body larger than the rest of the budget is allowed, and the next one waits
   * longer. @throws {Refusal} `too_many_bytes`.
   */
  countBytes(writer: Writer, bytes: number): void {
    const key = keyOf(writer)
    if (key === undefined || bytes === 0) return
    refuseFor(this.#bytes.spend(key, this.#bytesOf(writer), bytes), 'too_many_bytes')
  }

  /**
   * Creates a stream by `create`, if its owner may have one more. Creations in progress count, so that concurrent
   * requests cannot exceed the limit together.
   *
   * @param isThere returns whether the owner already has a stream of this id, which needs no place.
   * @throws {Refusal} `too_many_streams`.
   */
  async create<T>(
    owner: string | undefined,
    signal: AbortSignal,
    isThere: () => Promise<boolean>,
    create: () => Promise<T>,
  ): Promise<T> {
    const { streamsPerOwner: most } = this.#limits
    if (owner === undefined || most === Number.POSITIVE_INFINITY) return await create()
    const others = this.#creating.get(owner) ?? 0
    this.#creating.set(owner, others + 1)
    try {
      const count = await this.#store.countOwned(owner, most, signal)
      if (count + others >= most && !(await isThere())) throw new Refusal('too_many_streams')
      return await create()
    } finally {
      const left = (this.#creating.get(owner) ?? 1) - 1
      if (left > 0) this.#creating.set(owner, left)
      else this.#creating.delete(owner)
    }
  }

  #bytesOf({ owner }: Writer): number {
    return owner === undefined ? this.#limits.bytesPerAddress : this.#limits.bytesPerOwner
  }
}

function keyOf({ owner, scope: { network } }: Writer): string | undefined {
  return owner !== undefined ? `owner ${owner}` : network
}

function refuseFor(seconds: number, code: 'too_many_creations' | 'too_many_bytes'): void {
  if (seconds > 0) throw new Refusal(code, undefined, { 'retry-after': String(seconds) })
}

/** @throws {RangeError} naming the limit that is out of range. */
function checkWriteLimits(limits: WriteLimits): WriteLimits {
  for (const [name, value] of Object.entries(limits) as [string, number][]) {
    if (!(value >= 1 && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY)))
      throw new RangeError(`limits.${name} is ${value}; it must be a whole number from 1, or Infinity`)
  }
  return limits
}
