/** Where the chunks of an answer come from: a model of the AI SDK, or a function of the application's. */
import {
  type LanguageModel,
  type UIMessage,
  type UIMessageChunk,
  convertToModelMessages,
  streamText,
} from 'ai'
import { aiSdkError } from '../../providers/ai-sdk/ai-sdk-error.ts'
import type { UpstreamError } from '../../providers/upstream-error.ts'

/** What an answer is made from. */
export interface AnswerRequest {
  /**
   * The conversation. The user's message is the last; or the assistant's own, which is to be gone on with after a tool
   * was approved, or gave its result in the page.
   */
  readonly messages: UIMessage[]
  /** Aborts when nobody wants the rest, and when the run goes on in another process. Hand it to the model. */
  readonly signal: AbortSignal
  /** The id of the chat. */
  readonly chat: string
  /** Whose it is; undefined without authentication. */
  readonly owner?: string
  /** The id of the answer's message: the one that a `start` without an id is given. */
  readonly messageId: string
  /** The same when the answer is begun again: for idempotency keys. */
  readonly runId: string
  /** What the page sent beside the messages, `body` in `useChat`: the client's word. */
  readonly body: Readonly<Record<string, unknown>>
}

/** What `stream` may return: a stream of UI message chunks, or what `streamText` returns. */
export type AnswerStream =
  | AsyncIterable<UIMessageChunk>
  | ReadableStream<UIMessageChunk>
  | { toUIMessageStream(options?: UIStreamOptions): AsyncIterable<UIMessageChunk> }

/** What a result's `toUIMessageStream` is asked for. */
export interface UIStreamOptions {
  readonly originalMessages?: UIMessage[]
  readonly generateMessageId?: () => string
  readonly redactToolErrors?: boolean
  readonly onError?: (error: unknown) => string
}

export type AnswerSource = (request: AnswerRequest) => AnswerStream | Promise<AnswerStream>

/** The chunks of one answer, as its source gives them. */
export async function chunksOf(
  source: AnswerSource,
  request: AnswerRequest,
): Promise<AsyncIterable<UIMessageChunk>> {
  const stream = await source(request)
  if ('toUIMessageStream' in stream) return chunksOfResult(stream, request)
  return Symbol.asyncIterator in stream ? stream : chunksIn(stream)
}

/** Of what `streamText` returns. A failure of the model is thrown, so that the run says which it was. */
async function* chunksOfResult(
  result: Extract<AnswerStream, { toUIMessageStream: unknown }>,
  { messages, messageId }: AnswerRequest,
): AsyncGenerator<UIMessageChunk> {
  let failure: UpstreamError | undefined
  const chunks = result.toUIMessageStream({
    originalMessages: messages,
    generateMessageId: () => messageId,
    // What a tool failed with stays as the model is told it.
    redactToolErrors: false,
    onError: (error) => (failure = aiSdkError(error)).sentence,
  })
  for await (const chunk of chunks) {
    if (chunk.type === 'error' && failure) throw failure
    yield chunk
  }
}

async function* chunksIn(stream: ReadableStream<UIMessageChunk>): AsyncGenerator<UIMessageChunk> {
  const reader = stream.getReader()
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } finally {
    await reader.cancel()
  }
}

/** Any language model of the AI SDK. */
export type AnswerModel = LanguageModel

/** A model alone: it is asked with the conversation as it is. */
export function modelSource(model: AnswerModel): AnswerSource {
  return async ({ messages, signal }) =>
    streamText({
      model,
      // An answer that was stopped may have tool calls to which there will be no result.
      messages: await convertToModelMessages(messages, { ignoreIncompleteToolCalls: true }),
      abortSignal: signal,
      // The answer tells it, and the run the log; by default it is printed.
      onError: () => {},
    })
}
