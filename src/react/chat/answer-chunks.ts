/** The chunks of an answer, for `useChat` to read: the last of them come when the chat's log has the answer. */
import type { UIMessageChunk } from 'ai'
import { answerStream } from '../../client/chat/answer-stream.ts'
import type { ChatClient } from '../../client/chat/chat-client.ts'
import type { LiveChat } from '../../client/chat/live-chat.ts'

export interface AnswerChunksOptions {
  readonly client: ChatClient
  readonly live: LiveChat
  readonly run: string
  readonly signal: AbortSignal | undefined
  /** Called with the id of the answer's message, before it is shown. */
  readonly began: (messageId: string) => void
}

export function answerChunks(options: AnswerChunksOptions): ReadableStream<UIMessageChunk> {
  const { client, live, run, signal, began } = options
  const chunks = answerStream({ client, chat: live.id, run, signal, left: () => {} })
  return chunks.pipeThrough(
    new TransformStream<UIMessageChunk, UIMessageChunk>({
      transform: async (chunk, controller) => {
        if (chunk.type === 'start' && chunk.messageId !== undefined) began(chunk.messageId)
        if (ENDS.has(chunk.type)) await isKept(live, run, signal)
        controller.enqueue(chunk)
      },
    }),
  )
}

/** Behind which nothing is said. */
const ENDS: ReadonlySet<UIMessageChunk['type']> = new Set(['finish', 'abort', 'error'])

const UNDER_WAY: ReadonlySet<string> = new Set(['queued', 'running'])

/** Resolves when the log has the answer of a run, or can have none any more; or when the signal aborts. */
async function isKept(live: LiveChat, run: string, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const look = (): void => {
    const { status } = live.snapshot()
    const { status: asked = 'queued' } = live.ask(run) ?? {}
    const isOver = status === 'live' ? !UNDER_WAY.has(asked) : status === 'deleted' || status === 'failed'
    if (isOver || signal?.aborted) resolve()
  }
  const undo = live.subscribe(look)
  signal?.addEventListener('abort', look)
  look()
  await promise
  undo()
  signal?.removeEventListener('abort', look)
}
