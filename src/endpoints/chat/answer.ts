/**
 * An answer as a run: the chunks that its source gives, each of them checked, between a `start` that names the message
 * and a `finish`. Everything else passes through as it came.
 */
import { type UIMessage, type UIMessageChunk, uiMessageChunkSchema } from 'ai'
import type { ChatTurn } from '../../chats/chat-kind.ts'
import type { RunContext } from '../../providers/provider.ts'
import { RunFailedError } from '../../runs/end-reasons.ts'
import { type AnswerSource, chunksOf } from './chat-source.ts'

/** The id of the message that a turn is answered with: the question's own where that is gone on with. */
export function answerIdOf({ question, run }: Pick<ChatTurn, 'question' | 'run'>): string {
  return question.role === 'assistant' ? question.id : run
}

export async function* answer(
  source: AnswerSource,
  turn: ChatTurn,
  { signal }: RunContext,
): AsyncGenerator<UIMessageChunk> {
  signal.throwIfAborted()
  const { chat, owner, run, body } = turn
  const messageId = answerIdOf(turn)
  const request = {
    chat,
    ...(owner !== undefined && { owner }),
    // The application may change its own.
    messages: structuredClone(turn.messages) as unknown as UIMessage[],
    messageId,
    runId: run,
    body: isObject(body) ? body : {},
    signal,
  }
  let last: UIMessageChunk['type'] | undefined
  for await (const chunk of await chunksOf(source, request)) {
    // The source says so of itself. How a stopped run ends is written by whoever ends it.
    if (chunk.type === 'abort' && signal.aborted) break
    await check(chunk)
    if (last === undefined && chunk.type !== 'start') yield { type: 'start', messageId }
    if (chunk.type === 'error') throw new RunFailedError('answer_failed', chunk.errorText)
    last = chunk.type
    yield chunk.type === 'start' ? { ...chunk, messageId: chunk.messageId ?? messageId } : chunk
  }
  signal.throwIfAborted()
  if (last === undefined) yield { type: 'start', messageId }
  if (last !== 'finish') yield { type: 'finish' }
}

const schema = uiMessageChunkSchema()

/** @throws {RunFailedError} for what no client would take. */
async function check(chunk: UIMessageChunk): Promise<void> {
  if (isPlainDelta(chunk)) return
  const result = await schema.validate?.(chunk)
  if (result?.success !== false) return
  throw new RunFailedError('invalid_chunk', 'The answer holds something that a page cannot show.', {
    cause: result.error,
  })
}

/** Most chunks are: for each the schema takes 40 µs to say so. */
function isPlainDelta(chunk: UIMessageChunk): boolean {
  if (chunk.type !== 'text-delta' && chunk.type !== 'reasoning-delta') return false
  return (
    typeof chunk.id === 'string' && typeof chunk.delta === 'string' && chunk.providerMetadata === undefined
  )
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
