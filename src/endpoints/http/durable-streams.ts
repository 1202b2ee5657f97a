/**
 * The Durable Streams protocol: streams that clients create, write, read and remove. docs/http-streams.md is
 * the specification. What becomes of a request is decided by the store; here it is translated.
 */
import type { Authorize } from '../authorize.ts'
import type { StreamServices } from '../stream-services.ts'
import { Allowances, type WriteLimits } from './writes/allowances.ts'
import { Exchanges } from './exchanges.ts'
import { type HttpReadOptions, Reads } from './reads/reads.ts'
import { Writes } from './writes/writes.ts'

export interface DurableStreamsOptions
  extends Pick<StreamServices, 'store' | 'delivery' | 'ownerOf' | 'logger'>, HttpReadOptions {
  /** Who may do what with which stream. Default: a stream is its owner's, and nobody else's. */
  readonly authorize?: Authorize
  /**
   * Lets clients of other machines in where nobody is asked who they are: whoever reaches the server writes
   * streams. Default: false. With an `authorize`, that decides.
   */
  readonly allowAnonymous?: boolean
  /** `false`: clients create no streams here, and write to those that are there. Default: true. */
  readonly creation?: boolean
  /**
   * With what the ids of the streams begin that an owner may create, so that owners do not meet in one name space:
   * `(owner) => \`${encodeURIComponent(owner)}/\``. It ends with a slash; see that no owner's begins as another's does.
   * Whoever has no owner creates nothing then. Default: ids of all kinds.
   */
  readonly idPrefix?: (owner: string) => string
  /** How much may be created and written. */
  readonly limits?: Partial<WriteLimits>
}

export class DurableStreams {
  readonly reads: Reads
  readonly writes: Writes

  /** @throws {RangeError} naming the limit that is out of range. */
  constructor(options: DurableStreamsOptions) {
    const { allowAnonymous = false, limits } = options
    const exchanges = new Exchanges({ ...options, isGuarded: !allowAnonymous })
    this.reads = new Reads(options, exchanges)
    this.writes = new Writes(options.store, exchanges, new Allowances(options.store, limits))
  }
}
