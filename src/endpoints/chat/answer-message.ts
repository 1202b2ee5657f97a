/** Makes the message of an answer from the chunks of its run. The chat keeps it when the run has ended. */
import { type UIMessage, type UIMessageChunk, readUIMessageStream } from 'ai'
import type { ChatAnswer, ChatTurn } from '../../chats/chat-kind.ts'
import type { ChatMessage } from '../../conversation/entries.ts'
import { isSameJson } from '../../conversation/same-json.ts'
import { LoopTurns } from '../../delivery/turns.ts'
import type { Json } from '../../protocol/json.ts'
import type { RunEnd } from '../../protocol/run-end.ts'
import { joinedDeltas } from './joined-deltas.ts'

/** The result of a tool call that will get none. */
const NO_RESULT = 'The answer ended before this tool gave a result.'

/** A long answer is made into a message over many turns of the event loop. */
const turns = new LoopTurns()

/** The id of the answer's message. If the answer continues the question's message, it is the question's id. */
export function answerIdOf({ question, run }: Pick<ChatTurn, 'question' | 'run'>): string {
  return question.role === 'assistant' ? question.id : run
}

/** Returns undefined if nothing was said. */
export async function answerMessage(
  records: AsyncIterable<Json>,
  turn: ChatTurn,
  end: RunEnd,
): Promise<ChatAnswer | undefined> {
  let usage: Json | undefined
  const message = await messageOf(records, turn, (metadata) => (usage = metadata.usage ?? usage))
  if (!message || message.parts.length === 0) return undefined
  const parts = end.status === 'completed' ? message.parts : message.parts.map(closed)
  const whole = { ...message, id: message.id || answerIdOf(turn), parts }
  return {
    message: asJson(whole) as ChatMessage,
    ...(usage !== undefined && { usage }),
  }
}

/** Folds the chunks of a run as a client does; undefined if there is nothing to show. */
export async function messageOf(
  records: AsyncIterable<Json>,
  { question }: Pick<ChatTurn, 'question'>,
  told: (metadata: { readonly usage?: Json }) => void = () => {},
): Promise<UIMessage | undefined> {
  const goesOn = question.role === 'assistant'
  const states = readUIMessageStream({
    ...(goesOn && { message: structuredClone(question) as unknown as UIMessage }),
    stream: streamOf(joinedDeltas(chunksFrom(records, told))),
  })
  let message: UIMessage | undefined
  for await (const state of states) message = state
  return message
}

/** Whether a message that a page has is one that was kept: then maybe with the ends that an answer was given here. */
export function isSameMessage(kept: ChatMessage, sent: ChatMessage): boolean {
  if (isSameJson(kept, sent)) return true
  const { role, parts } = sent as unknown as UIMessage
  return role === 'assistant' && isSameJson(kept, asJson({ ...sent, parts: parts.map(closed) }))
}

function asJson(value: object): unknown {
  return JSON.parse(JSON.stringify(value))
}

/** `ReadableStream.from` is not in the types of browsers, which pages of the same project have. */
function streamOf<T>(values: AsyncGenerator<T>): ReadableStream<T> {
  return new ReadableStream<T>({
    pull: async (controller) => {
      await turns.pass()
      const next = await values.next()
      if (next.done) controller.close()
      else controller.enqueue(next.value)
    },
    cancel: async () => {
      await values.return(undefined)
    },
  })
}

async function* chunksFrom(
  records: AsyncIterable<Json>,
  told: (metadata: { readonly usage?: Json }) => void,
): AsyncGenerator<UIMessageChunk> {
  for await (const record of records) {
    const chunk = record as unknown as UIMessageChunk
    if (chunk.type === 'finish' && typeof chunk.messageMetadata === 'object' && chunk.messageMetadata)
      told(chunk.messageMetadata)
    // The chat keeps the run's end with its answer.
    if (chunk.type !== 'error' && chunk.type !== 'abort') yield chunk
  }
}

/** Completes a part of an answer that was cut off: nothing in it is in progress. */
function closed(part: UIMessage['parts'][number]): UIMessage['parts'][number] {
  if (!('state' in part)) return part
  if (part.state === 'streaming') return { ...part, state: 'done' }
  if (!('toolCallId' in part)) return part
  if (part.state !== 'input-streaming' && part.state !== 'input-available') return part
  const { approval: _, ...call } = part
  return { ...call, state: 'output-error', input: part.input, errorText: NO_RESULT } as never
}
