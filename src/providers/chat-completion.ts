/** One answer of the Chat Completions API, which lives as long as its connection. */
import type { ChatChunk } from './chat-answer.ts'
import { EventStream } from './event-stream.ts'
import type { Service } from './event-stream.ts'
import type { ChatRequest } from './openai-options.ts'
import { apiError } from './upstream-cause.ts'
import { UpstreamError } from './upstream-error.ts'

/** The chunks of one completion, the usage included. */
export async function* chatCompletion(
  service: Service,
  request: ChatRequest,
  signal: AbortSignal,
): AsyncGenerator<ChatChunk, void, undefined> {
  const { client, secrets, maxRetries, startMs } = service
  const asked = { stream_options: { include_usage: true }, ...request, stream: true } as const
  const stream = new EventStream(
    service,
    (options) => client.chat.completions.create(asked, options).asResponse(),
    signal,
  )
  const finished = new Set<number>()
  const isWhole = (): boolean => finished.size >= (request.n ?? 1)
  try {
    for await (const data of stream.data({ maxRetries, withinMs: startMs, stop: signal })) {
      const chunk = readChunk(data, secrets)
      for (const choice of chunk.choices) if (choice?.finish_reason) finished.add(choice.index ?? 0)
      yield chunk
      // The usage comes last. Not waiting for the end of the body, which a server may owe.
      if (isWhole() && chunk.choices.length === 0 && chunk.usage) return
    }
  } catch (error) {
    // Only the usage was still to come.
    if (isWhole() && error === stream.failure) return
    throw error
  }
  if (!isWhole() && !stream.done) throw stream.cut()
}

/** @throws {UpstreamError} for an error the service sent in the stream, and for what is no chunk. */
function readChunk(data: unknown, secrets: readonly string[]): ChatChunk {
  const chunk = data as { readonly choices?: unknown; readonly error?: unknown } | null
  if (typeof chunk?.error === 'object' && chunk.error !== null) throw apiError(chunk.error, secrets)
  if (typeof chunk?.error === 'string') throw apiError({ message: chunk.error }, secrets)
  if (!Array.isArray(chunk?.choices)) throw new UpstreamError('bad_answer', 'a chunk without choices')
  return chunk as unknown as ChatChunk
}
