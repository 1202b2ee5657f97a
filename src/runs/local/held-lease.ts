/** The lease of a run of this process: renewed while the run lasts, and handed over when the run is left. */
import type { Lease } from '../../streams/leases.ts'
import type { StreamStore } from '../../streams/store.ts'
import type { WriteRefusal } from '../log/log-writer.ts'

/** How often a lease is renewed within its length: two renewals may fail. */
export const RENEWALS = 3

export class HeldLease {
  readonly #store: StreamStore
  readonly #lease: Lease
  #left = false
  #until: number

  constructor(store: StreamStore, lease: Lease) {
    this.#store = store
    this.#lease = lease
    this.#until = performance.now() + lease.ttlMs
  }

  /** Until when no other process can take it, by `performance.now()`, unless the store's clock jumps. */
  get until(): number {
    return this.#until
  }

  get inHand(): Lease {
    return this.#lease
  }

  /** Renews it for its length from now. `left`: it was handed over, and is no longer renewed. */
  async renew(signal: AbortSignal): Promise<'renewed' | 'lost' | 'left'> {
    if (this.#left) return 'left'
    const until = performance.now() + this.#lease.ttlMs
    const { outcome } = await this.#store.leases.renew(this.#lease, signal)
    if (outcome === 'renewed') this.#until = until
    return this.#left ? 'left' : outcome
  }

  /**
   * Says why the lease was lost. Whether another process continues the run decides what happens to the upstream work.
   */
  async whyLost(signal: AbortSignal): Promise<WriteRefusal> {
    const { stream, incarnation } = this.#lease
    const info = await this.#store.head(stream, signal)
    if (info?.incarnation !== incarnation) return 'gone'
    return info.closed ? 'closed' : 'moved'
  }

  /** Hands it over to the first process that looks. A later renewal does not undo this. Rejects as the store does. */
  async handOver(): Promise<void> {
    this.#left = true
    await this.#store.leases.handOver(this.#lease)
  }
}
