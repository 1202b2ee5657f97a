/**
 * The Durable Streams protocol: streams that clients create, write, read and remove. docs/http-streams.md is
 * the specification. What becomes of a request is decided by the store; here it is translated.
 */
import type { Authorize } from '../authorize.ts'
import type { StreamServices } from '../stream-services.ts'
import { Exchanges } from './exchanges.ts'
import { type HttpReadOptions, Reads } from './reads.ts'
import { Writes } from './writes.ts'

export interface DurableStreamsOptions
  extends Pick<StreamServices, 'store' | 'delivery' | 'ownerOf' | 'logger'>, HttpReadOptions {
  /** Who may do what with which stream. Default: a stream is its owner's, and nobody else's. */
  readonly authorize?: Authorize
  /**
   * Lets clients of other machines in where nobody is asked who they are: whoever reaches the server writes
   * streams. Default: false. With an `authorize`, that decides.
   */
  readonly allowAnonymous?: boolean
}

export class DurableStreams {
  readonly reads: Reads
  readonly writes: Writes

  constructor(options: DurableStreamsOptions) {
    const { allowAnonymous = false } = options
    const exchanges = new Exchanges({ ...options, isGuarded: !allowAnonymous })
    this.reads = new Reads(options, exchanges)
    this.writes = new Writes(options, exchanges)
  }
}
