/** The lease of a run that this process works on: renewed meanwhile, and handed over when the run is left. */
import type { Lease } from '../../streams/leases.ts'
import type { StreamStore } from '../../streams/store.ts'
import type { WriteRefusal } from '../log/log-writer.ts'

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

  /** Up to when nobody else can have it, by `performance.now()`, unless the store's clock jumps. */
  get until(): number {
    return this.#until
  }

  get inHand(): Lease {
    return this.#lease
  }

  /** Holds it for its length from now. `left`: it was handed over, and is not renewed any more. */
  async renew(signal: AbortSignal): Promise<'renewed' | 'lost' | 'left'> {
    if (this.#left) return 'left'
    const until = performance.now() + this.#lease.ttlMs
    const { outcome } = await this.#store.leases.renew(this.#lease, signal)
    if (outcome === 'renewed') this.#until = until
    return this.#left ? 'left' : outcome
  }

  /** Whether somebody goes on with the run decides what becomes of the work upstream. */
  async whyLost(signal: AbortSignal): Promise<WriteRefusal> {
    const { stream, incarnation } = this.#lease
    const info = await this.#store.head(stream, signal)
    if (info?.incarnation !== incarnation) return 'gone'
    return info.closed ? 'closed' : 'moved'
  }

  /** Leaves it to whoever looks first. A renewal that is kept later does not undo it. Rejects as the store does. */
  async handOver(): Promise<void> {
    this.#left = true
    await this.#store.leases.handOver(this.#lease)
  }
}
