/** The streams that producers in this process fill. One timer renews their leases; it stops while there are none. */
import { endFor } from '../runs/end-reasons.ts'
import { Ticker } from '../time/ticker.ts'
import type { StreamConfig } from '../streams/store.ts'
import { Filling } from './filling.ts'
import { RENEWALS } from '../runs/local/held-lease.ts'
import type { AdapterSettings } from './settings.ts'

/** Milliseconds between two sweeps for expired streams. */
const SWEEP_MS = 60_000

export class Fillings {
  readonly #settings: AdapterSettings
  /** The last one of each stream id. An earlier one, whose stream was removed, writes to nothing. */
  readonly #byId = new Map<string, Filling>()
  readonly #keeper: Ticker
  #sweptAt = Number.NEGATIVE_INFINITY
  #sweeping: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(settings: AdapterSettings) {
    this.#settings = settings
    // The producers keep the process alive, not this timer.
    this.#keeper = new Ticker(settings.leaseTtlMs / RENEWALS, () => this.#renewAll(), { ref: false })
  }

  /** Whether a stream is filled here, so that nothing else has to look after it. */
  has(id: string): boolean {
    return this.#byId.get(id)?.isSilent === false
  }

  get(id: string): Filling | undefined {
    return this.#byId.get(id)
  }

  /** Creates a stream to fill; undefined if it exists. Rejects as the store does. */
  async create(
    id: string,
    config: StreamConfig,
    ttlMs: number = this.#settings.ttlMs,
  ): Promise<Filling | undefined> {
    if (this.#isClosed) throw new Error('The adapter was closed')
    const { store, holder, leaseTtlMs } = this.#settings
    // A lease keeps its stream, so it must not be longer than the TTL.
    const lease = { holder, ttlMs: Math.max(1, Math.min(leaseTtlMs, ttlMs)) }
    const created = await store.create(id, { ...config, ttlMs, lease })
    // Retrying would not free the id.
    if (created.outcome === 'retired') throw new Error('Other streams were forked from one of this id')
    if (created.outcome !== 'created' || !created.lease) return undefined
    const filling = new Filling(this.#settings, created.lease, ttlMs)
    this.#byId.set(id, filling)
    void filling.over.then(() => this.#remove(filling))
    this.#keeper.start()
    this.#sweepWhenDue()
    return filling
  }

  /** Ends all streams being filled as interrupted. */
  async close(): Promise<void> {
    this.#isClosed = true
    const ending = [...this.#byId.values()].map((filling) => {
      filling.hurry()
      return filling.end(endFor('interrupted'))
    })
    await Promise.all(ending)
    await this.#keeper.stop()
    await this.#sweeping
  }

  #remove(filling: Filling): void {
    if (this.#byId.get(filling.id) === filling) this.#byId.delete(filling.id)
    if (this.#byId.size === 0) void this.#keeper.stop()
  }

  /** Renewals are independent: one that hangs does not delay others. A failed one is made up for by the next. */
  #renewAll(): void {
    const { leaseTtlMs } = this.#settings
    const signal = AbortSignal.timeout(leaseTtlMs)
    for (const filling of this.#byId.values()) {
      // Its source failed silently, or hangs: it is given up.
      if (filling.isSilent) void filling.end(endFor('interrupted'))
      else void this.#renew(filling, signal)
    }
  }

  async #renew(filling: Filling, signal: AbortSignal): Promise<void> {
    try {
      await filling.renew(signal)
    } catch (err) {
      const { logger } = this.#settings
      logger.warn({ err, stream: filling.id }, 'lease of a stream could not be renewed; trying again')
    }
  }

  /** The store may belong to the adapter alone, so nothing else would remove expired streams. */
  #sweepWhenDue(): void {
    const { store, logger } = this.#settings
    const now = performance.now()
    if (now - this.#sweptAt < SWEEP_MS) return
    this.#sweptAt = now
    this.#sweeping = store.sweep().then(
      () => undefined,
      (err: unknown) => logger.warn({ err }, 'expired streams could not be removed'),
    )
  }
}
