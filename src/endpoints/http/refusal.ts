/** Errors of streams over HTTP: their statuses, headers and bodies. */
import { scopeForLog } from '../../consumers/scope.ts'
import type { Logger } from '../../logging/logger.ts'
import { HttpError } from '../../protocol/errors.ts'
import { encodeOffset } from '../../protocol/offset.ts'
import { REFUSED_OFFSETS, STREAM_ERRORS } from '../../protocol/stream-errors.ts'
import type { ReadResult } from '../../streams/store.ts'
import { type PublicError, publicError } from '../public-error.ts'
import type { Exchange } from './exchange.ts'
import { FIRST_OFFSET, PRIVATE } from './stream-headers.ts'

/** Statuses of the codes of streams and of runs; of any other, 400. */
const STATUS: Readonly<Record<string, number>> = {
  stream_not_found: 404,
  source_not_found: 404,
  run_not_found: 404,
  start_not_served: 404,
  stop_not_served: 404,
  latest_not_served: 404,
  anonymous_refused: 403,
  creation_refused: 403,
  producer_fenced: 403,
  stream_name_not_yours: 403,
  too_many_streams: 403,
  content_type_differs: 409,
  producer_gap: 409,
  stream_closed: 409,
  stream_differs: 409,
  stream_leased: 409,
  source_retired: 409,
  fork_too_deep: 409,
  stream_seq_behind: 409,
  run_conflict: 409,
  run_differs: 409,
  run_not_ended: 409,
  offset_lost: 410,
  offset_trimmed: 410,
  offset_past_end: 410,
  stream_retired: 410,
  run_gone: 410,
  append_too_large: 413,
  record_too_large: 413,
  request_too_large: 413,
  too_many_records: 413,
  content_coding_refused: 415,
  too_many_bytes: 429,
  too_many_creations: 429,
  too_many_runs: 429,
  process_full: 429,
  internal_error: 500,
  input_undecided: 503,
  store_failed: 503,
  too_much_at_once: 503,
  runs_closed: 503,
}

/** Thrown by the handlers of streams; `Exchanges` turns it into an answer. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: keyof typeof STREAM_ERRORS,
    message: string = STREAM_ERRORS[code],
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
    this.code = code
    this.headers = headers
  }
}

/** The refusal of an offset. For trimmed records it tells where the kept records begin. */
export function refusedOffset(
  result: Extract<ReadResult, { outcome: keyof typeof REFUSED_OFFSETS }>,
): Refusal {
  const headers = result.outcome === 'trimmed' ? { [FIRST_OFFSET]: encodeOffset(result.first) } : {}
  return new Refusal(REFUSED_OFFSETS[result.outcome], undefined, headers)
}

/** The answer to a failed request. Logs failures of the server. */
export function refuse(error: unknown, { scope }: Pick<Exchange, 'scope'>, logger: Logger): Response {
  if (error instanceof HttpError) return error.toResponse()
  if (error instanceof Refusal) return answer({ code: error.code, message: error.message }, error.headers)
  const { expected, ...body } = publicError(error)
  if (!expected) logger.error({ err: error, scope: scopeForLog(scope) }, 'request for a stream failed')
  return answer(body)
}

function answer(
  { code, message, retryAfter, issues }: Omit<PublicError, 'expected'>,
  more: Readonly<Record<string, string>> = {},
): Response {
  const status = STATUS[code] ?? 400
  const seconds = retryAfter ?? (status === 503 ? 1 : undefined)
  const headers = { ...PRIVATE, ...more, ...(seconds !== undefined && { 'retry-after': String(seconds) }) }
  const error = { code, message, ...(issues && { issues }) }
  return Response.json({ error }, { status, headers })
}
