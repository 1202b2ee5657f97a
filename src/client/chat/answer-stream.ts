/**
 * An answer as `useChat` reads it: the chunks of a run from its first to its last, and how it ended. Lost connections,
 * restarts and hand-overs are not seen. Whoever leaves ends nothing.
 */
import type { UIMessage, UIMessageChunk } from 'ai'
import { GONE, lastWords, wordsFor } from '../../conversation/last-words.ts'
import { StreamError, clientClosed } from '../errors.ts'
import { retryDelay } from '../network/backoff.ts'
import { changeOf, pause } from './changes.ts'
import type { ChatClient } from './chat-client.ts'
import { mergeChunks } from './merged-chunks.ts'
import { messageChunks } from '../../conversation/message-chunks.ts'

export interface AnswerStreamOptions {
  readonly client: ChatClient
  readonly chat: string
  readonly run: string
  /** Whether it waits for its turn. */
  readonly isQueued?: boolean
  /** Chunks to give before those of the run. */
  readonly before?: readonly UIMessageChunk[]
  readonly signal?: AbortSignal | undefined
  /** Called once when nothing more is read. `isWhole`: the end was told. */
  readonly left: (isWhole: boolean) => void
}

/** The stream closes after the last chunk, and fails where the answer cannot be read. */
export function answerStream({
  left,
  signal,
  ...options
}: AnswerStreamOptions): ReadableStream<UIMessageChunk> {
  const leaving = new AbortController()
  const until = signal ? AbortSignal.any([signal, leaving.signal]) : leaving.signal
  const batches = answerBatches(options, until)
  let isLeft = false
  const leave = (isWhole: boolean): void => {
    if (isLeft) return
    isLeft = true
    until.removeEventListener('abort', breakOff)
    left(isWhole)
  }
  const breakOff = (): void => {
    leave(false)
    // It may have given a batch and wait to be asked for the next one.
    void batches.return().catch(() => undefined)
  }
  until.addEventListener('abort', breakOff)
  return new ReadableStream<UIMessageChunk>({
    pull: async (controller) => {
      try {
        const next = await batches.next()
        if (leaving.signal.aborted) return
        until.throwIfAborted()
        if (!next.done) return next.value.forEach((chunk) => controller.enqueue(chunk))
        leave(true)
        controller.close()
      } catch (error) {
        leave(false)
        if (!leaving.signal.aborted) controller.error(error)
      }
    },
    cancel: () => leaving.abort(),
  })
}

type Answer = Pick<AnswerStreamOptions, 'client' | 'chat' | 'run' | 'isQueued' | 'before'>

/** Rejects with the reason of the signal. */
async function* answerBatches(
  answer: Answer,
  signal: AbortSignal,
): AsyncGenerator<readonly UIMessageChunk[], void, undefined> {
  const { client, chat, run, isQueued = false, before = [] } = answer
  if (isQueued) await turnOf(answer, signal)
  if (before.length > 0) yield before
  for (let attempt = 0; ; attempt++) {
    const stream = client.answer(run)
    let last: UIMessageChunk | undefined
    try {
      for (;;) {
        const chunks = stream.take() as unknown as UIMessageChunk[]
        if (chunks.length > 0) {
          last = chunks.at(-1)
          yield mergeChunks(chunks)
        } else if (stream.done) break
        else await changeOf(stream, signal)
      }
    } finally {
      stream.close()
    }
    const { status, error, end } = stream
    if (status === 'gone') {
      yield LOST
      return
    }
    if (status === 'running' || status === 'connecting') throw clientClosed()
    if (status !== 'error') {
      if (last?.type !== 'finish') yield chunksOf(wordsFor(end))
      return
    }
    if (error?.code !== 'stream_not_found') throw error ?? clientClosed()
    // The chat names a run before it is started.
    const kept = await client.get(chat, signal)
    const asks = [kept?.active, ...(kept?.queue.map((item) => item.ask) ?? [])]
    if (!asks.some((ask) => ask?.run === run)) {
      yield keptAnswer(kept, run)
      return
    }
    await pause(retryDelay(attempt), signal)
  }
}

/** Waits for the turn of an ask. Rejects where it will not come. */
async function turnOf({ client, chat, run }: Answer, signal: AbortSignal): Promise<void> {
  const live = client.chat(chat)
  const undo = live.subscribe(() => {})
  try {
    for (;;) {
      const ask = live.ask(run)
      if (ask?.status === 'taken-back')
        throw new StreamError('taken_back', 'The message was taken back before its turn came.')
      if (ask && ask.status !== 'queued') return
      const { status, error } = live.snapshot()
      if (!live.isLooking && status !== 'live') throw error ?? new StreamError('gone', GONE)
      await changeOf(live, signal)
    }
  } finally {
    undo()
  }
}

/** What the chat has kept of an answer whose run is not there any more, or never was. */
function keptAnswer(chat: Awaited<ReturnType<ChatClient['get']>>, run: string): readonly UIMessageChunk[] {
  const messages = chat?.messages ?? []
  const ask = messages.find((item) => item.ask?.run === run)?.ask
  if (!ask || ask.status === 'queued' || ask.status === 'running' || ask.status === 'taken-back') return LOST
  const { status, reason, text } = ask
  const end = {
    status,
    ...(reason !== undefined && { reason }),
    ...(text !== undefined && { message: text }),
  }
  const answer = messages.find(({ key }) => key === ask.answer)
  if (!answer) return chunksOf(wordsFor(end))
  // The page has the beginning of one that goes on with a message, which stands in the place of that.
  if (!messages.some(({ key }) => key === ask.message)) return LOST
  return [...messageChunks(answer.message as unknown as UIMessage), ...chunksOf(wordsFor(end))]
}

const LOST = chunksOf(lastWords({ status: 'failed', message: GONE }))

function chunksOf(words: readonly unknown[]): readonly UIMessageChunk[] {
  return words as readonly UIMessageChunk[]
}
