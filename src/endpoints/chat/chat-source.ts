/** The source of an answer's chunks: a model of the AI SDK, or a function of the application. */
import {
  type LanguageModel,
  type UIMessage,
  type UIMessageChunk,
  convertToModelMessages,
  streamText,
  toUIMessageStream,
} from 'ai'
import type { Json } from '../../protocol/json.ts'
import { aiSdkError } from '../../providers/ai-sdk/ai-sdk-error.ts'
import type { UpstreamError } from '../../providers/upstream-error.ts'

/** The input of an answer's source. */
export interface AnswerRequest {
  /**
   * The conversation. The last message is the user's; or it is the assistant's own, to be continued after a tool was
   * approved, or gave its result in the page.
   */
  readonly messages: UIMessage[]
  /** Aborts when the answer is stopped, and when the run goes on in another process. Pass it to the model. */
  readonly signal: AbortSignal
  /** The id of the chat. */
  readonly chat: string
  /** The owner of the chat; undefined without authentication. */
  readonly owner?: string
  /** The id of the answer's message. A `start` without an id gets this one. */
  readonly messageId: string
  /** Stays the same when the answer starts over. Use it for idempotency keys. */
  readonly runId: string
  /** What the page sent with the messages, `body` in `useChat`. It comes from the client; check it. */
  readonly body: Readonly<Record<string, unknown>>
  /** The last checkpoint of an answer that is continued after its process died; absent for one that begins. */
  readonly resumeFrom?: Json
  /** Keeps `value` with the chunk that is yielded next, for a chat that is `resumable`: as in a provider of runs. */
  readonly checkpoint: (value: Json) => void
  /** Tells that work goes on without a chunk, such as a model that thinks. */
  readonly alive: () => void
}

/** What `stream` may return: a stream of UI message chunks, or what `streamText` returns. */
export type AnswerStream =
  | AsyncIterable<UIMessageChunk>
  | ReadableStream<UIMessageChunk>
  | { toUIMessageStream(options?: UIStreamOptions): AsyncIterable<UIMessageChunk> }

/** Options for the result's `toUIMessageStream`. */
export interface UIStreamOptions {
  readonly originalMessages?: UIMessage[]
  readonly generateMessageId?: () => string
  readonly redactToolErrors?: boolean
  readonly onError?: (error: unknown) => string
}

export type AnswerSource = (request: AnswerRequest) => AnswerStream | Promise<AnswerStream>

/** Yields the chunks of one answer from its source. */
export async function chunksOf(
  source: AnswerSource,
  request: AnswerRequest,
): Promise<AsyncIterable<UIMessageChunk>> {
  const stream = await source(request)
  if ('toUIMessageStream' in stream) return chunksOfResult(stream, request)
  return 'getReader' in stream ? chunksIn(stream, request.signal) : stream
}

/** Yields the chunks of a `streamText` result. An error of the model is thrown, so that the run keeps its reason. */
async function* chunksOfResult(
  result: Extract<AnswerStream, { toUIMessageStream: unknown }>,
  { messages, messageId }: AnswerRequest,
): AsyncGenerator<UIMessageChunk> {
  let failure: UpstreamError | undefined
  const chunks = result.toUIMessageStream({
    originalMessages: messages,
    generateMessageId: () => messageId,
    // The error of a tool is kept as the model gets it.
    redactToolErrors: false,
    onError: (error) => (failure = aiSdkError(error)).sentence,
  })
  for await (const chunk of chunks) {
    if (chunk.type === 'error' && failure) throw failure
    yield chunk
  }
}

/** One that does not listen to the signal is cancelled by it: it would hold up a stop, and go on at a cost. */
async function* chunksIn(
  stream: ReadableStream<UIMessageChunk>,
  signal: AbortSignal,
): AsyncGenerator<UIMessageChunk> {
  const reader = stream.getReader()
  // What it says of that comes too late.
  const cancel = (): void => void reader.cancel(signal.reason).catch(() => {})
  signal.addEventListener('abort', cancel, { once: true })
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } finally {
    signal.removeEventListener('abort', cancel)
    if (!signal.aborted) await reader.cancel()
  }
}

/** Any language model of the AI SDK. */
export type AnswerModel = LanguageModel

/** Makes a source from a model: the model gets the conversation unchanged, and the page all that the model gives. */
export function modelSource(model: AnswerModel): AnswerSource {
  return async ({ messages, signal }) => {
    const { stream } = streamText({
      model,
      // A stopped answer may have tool calls that will never get a result.
      messages: await convertToModelMessages(messages, { ignoreIncompleteToolCalls: true }),
      abortSignal: signal,
      // The answer and the log tell the error. By default, the SDK prints it.
      onError: () => {},
    })
    return {
      // By default, the SDK leaves sources out.
      toUIMessageStream: (options) =>
        chunksIn(toUIMessageStream({ stream, ...options, sendSources: true }), signal),
    }
  }
}
