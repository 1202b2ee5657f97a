/** What a client of a chat may be told about an error, and the HTTP answer for it. */
import { CHAT_ERRORS, ChatError, type ChatErrorCode } from '../../conversation/errors.ts'
import { type Scope, scopeForLog } from '../../consumers/scope.ts'
import type { Logger } from '../../logging/logger.ts'
import type { Exchange } from '../http/exchange.ts'
import { refuse } from '../http/refusal.ts'
import { PRIVATE } from '../http/stream-headers.ts'
import { type PublicError, publicError } from '../public-error.ts'

const STATUS: Readonly<Record<ChatErrorCode, number>> = {
  invalid_chat: 400,
  invalid_message: 400,
  invalid_title: 400,
  invalid_ask: 400,
  message_too_large: 413,
  chat_full: 409,
  chat_too_large: 409,
  queue_full: 429,
  chat_busy: 409,
  chat_contended: 503,
  chat_not_found: 404,
  message_not_found: 409,
  message_differs: 409,
  taken_back: 409,
  already_begun: 409,
  unknown_kind: 500,
}

function chatError(error: unknown): PublicError {
  if (!(error instanceof ChatError)) return publicError(error)
  return { code: error.code, message: error.message, expected: error.code !== 'unknown_kind' }
}

/** Returns what a client is told about an error, and logs it if it should not happen. */
export function toldError(error: unknown, scope: Scope<unknown>, logger: Logger): PublicError {
  const told = chatError(error)
  if (!told.expected) logger.error({ err: error, scope: scopeForLog(scope) }, 'a request of a chat failed')
  return told
}

/** Makes the answer to a request that failed. A stock client shows the text of its body. */
export function refuseChat(error: unknown, exchange: Pick<Exchange, 'scope'>, logger: Logger): Response {
  if (!(error instanceof ChatError)) return refuse(error, exchange, logger)
  const { code } = error
  const { message } = toldError(error, exchange.scope, logger)
  const status = STATUS[code]
  const headers = { ...PRIVATE, ...(status === 503 && { 'retry-after': '1' }) }
  return Response.json({ error: { code, message: message || CHAT_ERRORS[code] } }, { status, headers })
}
