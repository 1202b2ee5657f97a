/** What a gateway, and the server around it, know of the application that they serve. */
import type { AnyConsumerClass } from '../consumers/consumer.ts'
import type { ConsumerSession } from '../consumers/session/session.ts'
import type { Transport } from '../consumers/transport.ts'
import type { Logger } from '../logging/logger.ts'
import type { ApplicationOptions } from './application-options.ts'
import type { HttpDispatcher } from './http/dispatcher.ts'
import type { RequestScope } from './request/request-scope.ts'

export interface ServedApplication {
  readonly options: ApplicationOptions
  readonly logger: Logger
  /** Answers HTTP requests. */
  readonly http: Pick<HttpDispatcher, 'respond' | 'serves'>
  /** Whether a WebSocket route matches the path. */
  servesWebSocket(path: string): boolean
  /**
   * Finds the consumer of a WebSocket: routes it, checks its origin and calls `authenticate`. The signal
   * aborts when the handshake has been answered by then.
   *
   * @throws {HttpError} the answer to a handshake that is refused.
   */
  admit(scope: RequestScope, signal?: AbortSignal, origins?: readonly string[]): Promise<AnyConsumerClass>
  /** Makes the consumer of an admitted connection. `session.open()` starts it. */
  createSession(consumer: AnyConsumerClass, scope: RequestScope, transport: Transport): ConsumerSession
}
