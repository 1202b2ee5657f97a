/** Options of the adapters. Durations are in seconds, fractions allowed. */
import type { OptionNames } from '../protocol/known-options.ts'
import { randomBytes } from 'node:crypto'
import { libraryLogger } from '../logging/logger.ts'
import type { Logger } from '../logging/logger.ts'
import type { StreamStore } from '../streams/store.ts'
import { milliseconds } from '../time/duration.ts'

export interface AdapterOptions {
  /**
   * Prefix of the ids of the streams. Default: `@` and the name of the package. No endpoint of Millrace serves a
   * stream whose id begins with `@`; with another prefix, they serve it to its owner.
   */
  readonly prefix?: string
  /** The owner of a stream, by the package's id. Default: none. */
  readonly owner?: (id: string) => string | undefined
  /** Seconds that a stream is kept after its last chunk. Default 86,400: a day, as in both packages. */
  readonly ttl?: number
  /** Seconds after which a stream ends when its producer's process is silent. Default 10. */
  readonly leaseTtl?: number
  /** Logs failures of streams. Default: as for a store. */
  readonly logger?: Logger
  /** Milliseconds that never go back. Default `performance.now`. For tests. */
  readonly monotonic?: () => number
}

export const ADAPTER_OPTIONS: OptionNames<AdapterOptions> = {
  prefix: true,
  owner: true,
  ttl: true,
  leaseTtl: true,
  logger: true,
  monotonic: true,
}
/** The same, complete, in milliseconds. */
export interface AdapterSettings {
  readonly store: StreamStore
  readonly logger: Logger
  /** Names this process in leases. */
  readonly holder: string
  readonly prefix: string
  readonly owner: (id: string) => string | undefined
  readonly ttlMs: number
  readonly leaseTtlMs: number
  readonly monotonic: () => number
}

/** Beyond it, times of a store would not be exact integers. */
const MAX_TTL = 100 * 365 * 86_400

/** @throws {RangeError} naming the option that is out of range. */
export function adapterSettings(
  store: StreamStore,
  options: AdapterOptions,
  defaultPrefix: string,
): AdapterSettings {
  const { prefix = defaultPrefix, owner = () => undefined, logger = libraryLogger() } = options
  if (!/^[\x21-\x7e]{0,128}$/.test(prefix)) {
    throw new RangeError('prefix is not up to 128 printable ASCII characters')
  }
  return {
    store,
    logger,
    holder: `${process.pid}-${randomBytes(12).toString('hex')}`,
    prefix,
    owner,
    ttlMs: milliseconds('ttl', options.ttl ?? 86_400, { max: MAX_TTL }),
    monotonic: options.monotonic ?? (() => performance.now()),
    leaseTtlMs: milliseconds('leaseTtl', options.leaseTtl ?? 10, { min: 0.05 }),
  }
}
