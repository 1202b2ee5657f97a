/**
 * The Durable Streams protocol: streams that clients create, write, read and remove. docs/http-streams.md is the
 * specification. The store decides what becomes of a request; this file translates.
 */
import type { Authorize } from '../authorize.ts'
import type { StreamServices } from '../stream-services.ts'
import { Allowances, type WriteLimits } from './writes/allowances.ts'
import { Exchanges } from './exchanges.ts'
import { type HttpReadOptions, Reads } from './reads/reads.ts'
import { Writes } from './writes/writes.ts'

export interface DurableStreamsOptions
  extends Pick<StreamServices, 'store' | 'delivery' | 'ownerOf' | 'logger'>, HttpReadOptions {
  /** Who may do what with a stream. Default: only its owner may use it. */
  readonly authorize?: Authorize
  /**
   * Without authentication, lets clients of other machines in: then anyone who reaches the server can write streams.
   * Default: false. An `authorize` takes precedence.
   */
  readonly allowAnonymous?: boolean
  /** `false`: clients cannot create streams here, only write to existing ones. Default: true. */
  readonly creation?: boolean
  /**
   * The prefix of the stream ids that an owner may create, so that owners do not share one name space: `(owner) =>
   * \`${encodeURIComponent(owner)}/\``. It must end with a slash, and no prefix may begin with another owner's. A
   * client without an owner then creates nothing. Default: any id.
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
