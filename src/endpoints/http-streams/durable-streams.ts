/**
 * The Durable Streams protocol: streams that clients create, write, read and remove. docs/http-streams.md is
 * the specification. What becomes of a request is decided by the store; here it is translated.
 */
import type { StreamServices } from '../stream-services.ts'
import { Exchanges } from './exchanges.ts'
import { type HttpReadOptions, Reads } from './reads.ts'
import { Writes } from './writes.ts'

export interface DurableStreamsOptions
  extends Pick<StreamServices, 'store' | 'delivery' | 'ownerOf' | 'logger'>, HttpReadOptions {}

export class DurableStreams {
  readonly reads: Reads
  readonly writes: Writes

  constructor(options: DurableStreamsOptions) {
    const exchanges = new Exchanges(options)
    this.reads = new Reads(options, exchanges)
    this.writes = new Writes(options, exchanges)
  }
}
