/** One answer of the Chat Completions API, which ends with its connection. */
import { faultIn } from '../api-fault.ts'
import type { ChatChunk } from './chat-answer.ts'
import { ChatEnd } from './chat-end.ts'
import { EventStream } from './event-stream.ts'
import type { Service } from './event-stream.ts'
import { outcomeOfReason } from './finish-reason.ts'
import type { ChatRequest } from './options.ts'
import { apiError } from '../upstream-cause.ts'
import { UpstreamError } from '../upstream-error.ts'

/** Milliseconds to wait for the usage, or the end, after a whole answer. */
const USAGE_WAIT = 5000

/** The chunks of one completion, including the usage. */
export async function* chatCompletion(
  service: Service,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatChunk, void, undefined> {
  const { client, secrets, maxRetries, startMs } = service
  const { stream_options: streaming = { include_usage: true }, ...rest } = request
  // A service that does not know the option may refuse it, even as null.
  const asked = { ...rest, ...(streaming && { stream_options: streaming }), stream: true } as const
  const stream = new EventStream(service, {
    send: (options) => client.chat.completions.create(asked, options).asResponse(),
    read: (data) => readChunk(data, secrets),
    signal,
  })
  const end = new ChatEnd(request.n ?? 1)
  let failure: UpstreamError | undefined
  try {
    for await (const chunk of stream.events({ maxRetries, withinMs: startMs, stop: signal })) {
      end.take(chunk)
      yield chunk
      failure = failureIn(chunk)
      if (failure) break
      // The usage comes last. The end of the body is not awaited, because a server may never send it.
      if (end.said && chunk.choices.length === 0 && chunk.usage) return
      if (end.certain) stream.endWithin(USAGE_WAIT)
    }
  } catch (error) {
    // Only the usage was missing.
    if (!end.certain) throw error
    return
  }
  if (failure) throw failure
  if (!stream.done && !end.saidOnce) throw stream.cut()
}

/**
 * The chunk to pass on; undefined for data that only keeps the connection alive, or that is not known here.
 *
 * @throws {UpstreamError} for an error of the service in the stream, and for data that is not a chunk.
 */
function readChunk(data: unknown, secrets: readonly string[]): ChatChunk | undefined {
  const fault = faultIn(data)
  if (fault) throw apiError(fault, secrets)
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw new UpstreamError('bad_answer', 'an event that is not a chunk')
  }
  const { choices, usage, type } = data as { readonly [name: string]: unknown }
  if (Array.isArray(choices)) return data as ChatChunk
  if (typeof usage === 'object' && usage !== null) return { ...data, choices: [] } as unknown as ChatChunk
  if (typeof type === 'string' && type.startsWith('response.')) {
    throw new UpstreamError('bad_answer', 'an event of the Responses API instead of a chunk')
  }
  return undefined
}

/** Why a choice failed, if its `finish_reason` says so. */
function failureIn({ choices }: ChatChunk): UpstreamError | undefined {
  for (const choice of choices) {
    const outcome = outcomeOfReason(choice?.finish_reason)
    if (outcome?.status === 'failed') return new UpstreamError(outcome.code, outcome.detail)
  }
  return undefined
}
