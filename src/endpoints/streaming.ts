/**
 * The durable half of an application: one store, the runs that fill its streams, and the delivery
 * that reads them. Made before the application, because routes and consumers use it.
 */
import { Delivery } from '../delivery/delivery.ts'
import { type Logger, libraryLogger } from '../logging/logger.ts'
import { Runs } from '../runs/runs.ts'
import { graceMilliseconds } from '../runs/options.ts'
import type { RunsOptions } from '../runs/options.ts'
import type { StreamStore } from '../streams/store.ts'
import type { OwnerOf } from './stream-access.ts'
import type { StreamServices } from './stream-services.ts'

export interface StreamingOptions extends Omit<RunsOptions, 'readers'> {
  readonly store: StreamStore
  /** Says who a user is, in the terms of stream owners; by default a text, a number, or the `id` of an object. */
  readonly ownerOf?: OwnerOf
  /**
   * Seconds that a shutdown leaves runs to end by themselves before it hands them over, up to 2,147,483.
   * Default 5.
   */
  readonly shutdownGrace?: number
}

/** Seconds between two looks for streams past their time. */
const SWEEP_INTERVAL = 60

export class Streaming {
  readonly store: StreamStore
  readonly delivery: Delivery
  readonly runs: Runs
  /** What the routes of streams take: `streamSocket('/ws/streams/', { ...streams.services, start })`. */
  readonly services: StreamServices
  readonly #logger: Logger
  readonly #graceSeconds: number
  #sweeper: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  /** @throws {RangeError} naming the option that is out of range. */
  constructor({ ownerOf, shutdownGrace = 5, ...options }: StreamingOptions) {
    const { store, logger = libraryLogger() } = options
    this.store = store
    this.#logger = logger
    // Now: a shutdown that finds it out cannot leave its runs any time.
    graceMilliseconds('shutdownGrace', shutdownGrace)
    this.#graceSeconds = shutdownGrace
    this.delivery = new Delivery({ store, logger })
    this.runs = new Runs({ ...options, readers: (id) => this.delivery.readers(id) })
    this.services = { store, delivery: this.delivery, runs: this.runs, logger, ...(ownerOf && { ownerOf }) }
  }

  /** Begins to take over what other processes left behind and to remove what is past its time. */
  open(): void {
    if (this.#closing) return
    this.runs.open()
    this.#sweeper ??= setInterval(() => void this.#sweep(), SWEEP_INTERVAL * 1000).unref()
  }

  /** Ends the work of this process and closes the store. Calling it twice is calling it once. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    clearInterval(this.#sweeper)
    // Readers first: an answer that streams over HTTP would hold up the shutdown of its server.
    this.delivery.close()
    await this.runs.close({ graceSeconds: this.#graceSeconds })
    await this.store.close()
  }

  async #sweep(): Promise<void> {
    try {
      await this.store.sweep()
    } catch (error) {
      this.#logger.warn({ err: error }, 'streams past their time could not be removed')
    }
  }
}

/** Makes the durable half of an application: `streaming({ store: sqliteStreams('./data.db') })`. */
export function streaming(options: StreamingOptions): Streaming {
  return new Streaming(options)
}
