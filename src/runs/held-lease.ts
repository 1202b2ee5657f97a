/** The lease of a run that this process works on: renewed meanwhile, and handed over when the run is left. */
import type { Lease, LeaseStore } from '../streams/leases.ts'

/** How long the lease of a run that is left to others still lasts. */
export const HAND_OVER_MS = 1

export class HeldLease {
  readonly #leases: LeaseStore
  readonly #lease: Lease
  readonly #renewals = new Set<Promise<unknown>>()
  #left = false

  constructor(leases: LeaseStore, lease: Lease) {
    this.#leases = leases
    this.#lease = lease
  }

  /** Holds it for its length from now. `left`: it was handed over, and is not renewed any more. */
  async renew(signal: AbortSignal): Promise<'renewed' | 'lost' | 'left'> {
    if (this.#left) return 'left'
    const renewal = this.#leases.renew(this.#lease, signal)
    this.#renewals.add(renewal)
    try {
      return (await renewal).outcome
    } finally {
      this.#renewals.delete(renewal)
    }
  }

  /** Lets it run out: one that is given back would not be looked for. Rejects as the store does. */
  async handOver(): Promise<void> {
    this.#left = true
    // Kept later than this, one of them would undo it.
    await Promise.allSettled(this.#renewals)
    await this.#leases.renew({ ...this.#lease, ttlMs: HAND_OVER_MS })
  }
}
