/**
 * An answer as a run: the chunks of its source, each checked, between a `start` that names the message and a `finish`.
 * All other chunks are passed on unchanged, but that each later `start` gets the id of the first.
 */
import { type UIMessage, type UIMessageChunk, uiMessageChunkSchema } from 'ai'
import type { ChatTurn } from '../../chats/chat-kind.ts'
import { isName } from '../../conversation/entries.ts'
import type { RunContext } from '../../providers/provider.ts'
import type { Json } from '../../protocol/json.ts'
import { RunFailedError } from '../../runs/end-reasons.ts'
import { answerIdOf } from './answer-message.ts'
import { AnswerPlaces } from './answer-places.ts'
import { type AnswerSource, chunksOf } from './chat-source.ts'
import { ChunkOrder } from './chunk-order.ts'
import { beginningOf, isKnown } from './new-attempt.ts'

export async function* answer(
  source: AnswerSource,
  turn: ChatTurn,
  context: RunContext,
): AsyncGenerator<UIMessageChunk> {
  const { signal, alive } = context
  const places = new AnswerPlaces(context)
  const { resumeFrom } = places
  // A source that is continued ends its work upstream, even if nobody wants the rest.
  if (resumeFrom === undefined) signal.throwIfAborted()
  const { chat, owner, run, body } = turn
  const anew = resumeFrom === undefined ? await beginningOf(turn) : undefined
  if (anew) yield* anew.opening
  if (anew?.isWhole) {
    if (!anew.isFinished) yield { type: 'finish' }
    return
  }
  const messageId = anew?.messageId ?? answerIdOf(turn)
  const request = {
    chat,
    ...(owner !== undefined && { owner }),
    // A copy, because the application may change its own.
    messages: structuredClone(anew?.messages ?? turn.messages) as unknown as UIMessage[],
    messageId,
    runId: run,
    body: isObject(body) ? body : {},
    signal,
    alive,
    checkpoint: (value: Json) => places.keep(value),
    ...(resumeFrom !== undefined && { resumeFrom }),
  }
  // Under another id a page would show an earlier attempt, too.
  let answerId = anew?.messageId
  let isBegun = resumeFrom !== undefined
  let hasStep = false
  // What came before a source goes on is not known here.
  const order = resumeFrom === undefined && !anew ? new ChunkOrder(turn.question) : undefined
  let isFinished = places.isFinished
  for await (const chunk of await chunksOf(source, request)) {
    // The source reports that it was aborted. The process that ends a stopped run writes its end.
    if (chunk.type === 'abort' && signal.aborted) break
    await check(chunk)
    const fault = order?.faultOf(chunk)
    if (fault !== undefined) throw invalidChunk(new Error(fault))
    const isAgain = anew && !hasStep && isKnown(chunk, anew)
    if (chunk.type === 'start-step') hasStep = true
    if (isAgain) continue
    if (!isBegun && chunk.type !== 'start') yield { type: 'start', messageId: (answerId = messageId) }
    if (chunk.type === 'error') throw new RunFailedError('answer_failed', chunk.errorText)
    isBegun = true
    isFinished = chunk.type === 'finish'
    places.pass({ isFinish: isFinished })
    // An answer is one message, also if its source puts several streams together.
    yield chunk.type === 'start'
      ? { ...chunk, messageId: (answerId ??= idIn(chunk, turn) ?? messageId) }
      : chunk
  }
  signal.throwIfAborted()
  if (!isBegun) yield { type: 'start', messageId }
  if (!isFinished) yield { type: 'finish' }
}

/**
 * The id that a source gives its message; undefined if it gives none, or that of another message of the conversation.
 *
 * @throws {RunFailedError} if the chat cannot keep a message with this id.
 */
function idIn(
  { messageId }: Extract<UIMessageChunk, { type: 'start' }>,
  { messages, question }: ChatTurn,
): string | undefined {
  if (messageId === undefined || messageId === '') return undefined
  if (!isName(messageId))
    throw new RunFailedError('invalid_chunk', 'The answer has an id that this server cannot keep.')
  const isContinued = question.role === 'assistant' && messageId === question.id
  return !isContinued && messages.some(({ id }) => id === messageId) ? undefined : messageId
}

const schema = uiMessageChunkSchema()

/** @throws {RunFailedError} if no client would accept the chunk. */
async function check(chunk: UIMessageChunk): Promise<void> {
  if (isPlainDelta(chunk)) return
  const result = await schema.validate?.(chunk)
  if (result?.success !== false) return
  throw invalidChunk(result.error)
}

function invalidChunk(cause: Error): RunFailedError {
  return new RunFailedError('invalid_chunk', 'The answer holds something that a page cannot show.', { cause })
}

/** Recognizes most chunks without the schema, which takes 40 µs for each. */
function isPlainDelta(chunk: UIMessageChunk): boolean {
  if (chunk.type !== 'text-delta' && chunk.type !== 'reasoning-delta') return false
  return (
    typeof chunk.id === 'string' && typeof chunk.delta === 'string' && chunk.providerMetadata === undefined
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
