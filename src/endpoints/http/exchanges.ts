/** What all requests about streams share: access, and the answer to a failure. */
import type { Logger } from '../../logging/logger.ts'
import { HttpError } from '../../protocol/errors.ts'
import type { StreamVerb } from '../authorize.ts'
import type { StreamAccess } from '../stream-access.ts'
import { type StreamAnswer, respondWith } from './stream-answer.ts'
import type { Exchange } from './exchange.ts'
import { Refusal, refuse } from './refusal.ts'
import { type Permitted, Rights, type RightsOptions } from './rights.ts'

export class Exchanges {
  readonly rights: Rights
  readonly access: StreamAccess
  readonly logger: Logger

  constructor(options: RightsOptions) {
    this.rights = new Rights(options)
    this.access = this.rights.access
    this.logger = this.rights.logger
  }

  /**
   * The stream that a request names. @throws {Refusal} when the client may not do this with it, or it does not exist.
   */
  async find(exchange: Exchange, verb: Exclude<StreamVerb, 'create'>): Promise<Permitted> {
    const { params, scope, signal } = exchange
    const found = await this.rights.find(verb, params.id, exchange)
    if (found) return found
    const isRetired = await this.access.isRetired(params.id, scope.user, signal)
    throw new Refusal(isRetired ? 'stream_retired' : 'stream_not_found')
  }

  /** Answers a request, even when `respond` fails. */
  async answer(
    exchange: Omit<Exchange, 'params'>,
    respond: () => Response | StreamAnswer | Promise<Response | StreamAnswer>,
  ): Promise<Response> {
    try {
      const answer = await respond()
      return answer instanceof Response ? answer : respondWith(answer, exchange)
    } catch (error) {
      // The client left, or the server shuts down and caused the failure.
      if (exchange.signal.aborted) return abandoned(exchange.signal.reason)
      return refuse(error, exchange, this.logger)
    }
  }
}

function abandoned(reason: unknown): Response {
  return reason instanceof HttpError ? reason.toResponse() : new Response(null, { status: 499 })
}
