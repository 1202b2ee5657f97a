/** What every request about a stream has in common: whose it is, and how it fails. */
import { type Logger, libraryLogger } from '../../logging/logger.ts'
import { HttpError } from '../../protocol/errors.ts'
import { isStreamId } from '../../protocol/stream-frames.ts'
import type { StreamInfo } from '../../streams/store.ts'
import { StreamAccess } from '../stream-access.ts'
import type { StreamServices } from '../stream-services.ts'
import type { Exchange } from './exchange.ts'
import { Refusal, refuse } from './refusal.ts'

export class Exchanges {
  readonly access: StreamAccess
  readonly logger: Logger

  constructor(services: StreamServices) {
    this.access = new StreamAccess(services)
    this.logger = services.logger ?? libraryLogger()
  }

  /** The stream that a request names. @throws {Refusal} when it is not there for whoever asks. */
  async find({ params, scope, signal }: Exchange): Promise<StreamInfo> {
    // What cannot be an id is the id of nothing.
    const { id } = params
    const info = isStreamId(id) ? await this.access.find(id, scope.user, signal) : undefined
    if (info) return info
    const isRetired = await this.access.isRetired(id, scope.user, signal)
    throw new Refusal(isRetired ? 'stream_retired' : 'stream_not_found')
  }

  /** Answers a request, also when `respond` fails. */
  async answer(
    exchange: Omit<Exchange, 'params'>,
    respond: () => Response | Promise<Response>,
  ): Promise<Response> {
    try {
      return await respond()
    } catch (error) {
      // Nobody is there any more to read what went wrong, or the server goes down, and that is why.
      if (exchange.signal.aborted) return abandoned(exchange.signal.reason)
      return refuse(error, exchange, this.logger)
    }
  }
}

function abandoned(reason: unknown): Response {
  return reason instanceof HttpError ? reason.toResponse() : new Response(null, { status: 499 })
}
