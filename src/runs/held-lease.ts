/** The lease of a run that this process works on: renewed meanwhile, and handed over when the run is left. */
import type { Lease, LeaseStore } from '../streams/leases.ts'

export class HeldLease {
  readonly #leases: LeaseStore
  readonly #lease: Lease
  #left = false

  constructor(leases: LeaseStore, lease: Lease) {
    this.#leases = leases
    this.#lease = lease
  }

  /** Holds it for its length from now. `left`: it was handed over, and is not renewed any more. */
  async renew(signal: AbortSignal): Promise<'renewed' | 'lost' | 'left'> {
    if (this.#left) return 'left'
    const { outcome } = await this.#leases.renew(this.#lease, signal)
    return this.#left ? 'left' : outcome
  }

  /** Leaves it to whoever looks first. A renewal that is kept later does not undo it. Rejects as the store does. */
  async handOver(): Promise<void> {
    this.#left = true
    await this.#leases.handOver(this.#lease)
  }
}
