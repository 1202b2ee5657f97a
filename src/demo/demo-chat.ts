/** The demo's chat at `/api/chat`, for any stock `useChat`. Loaded only if the package `ai` is installed. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { UIMessage, UIMessageChunk } from 'ai'
import { type AnswerRequest, type AnswerSource, chat } from '../ai-sdk.ts'
import type { ServedChat } from '../routing/served-chat.ts'
import { guestOf } from './guests.ts'
import type { DemoModel } from './models/demo-model.ts'

/** Seconds between two words of the scripted answer. */
const PACE = 0.03

/** Bytes of a message with its pictures. A record of a store may have 8 MiB. */
const MESSAGE_BYTES = 6 * 1024 * 1024

/** Bytes that a page may send at once: stock clients send the whole conversation. */
const MAX_MESSAGE_SIZE = 16 * 1024 * 1024

/** @param model answers; without one, a script answers, which shows what an answer may contain. */
export function demoChat(model: DemoModel | undefined): ServedChat {
  return chat('/api/chat', {
    stream: model?.source ?? scriptedChat(),
    resumable: model?.canResume ?? true,
    authenticate: guestOf,
    // The page shows what waits, and takes it back.
    whileBusy: 'queue',
    limits: { messageBytes: MESSAGE_BYTES },
    maxMessageSize: MAX_MESSAGE_SIZE,
  })
}

/**
 * Answers without a model: reasoning, a tool call, Markdown and code. Its checkpoint is how many chunks it has yielded.
 *
 * @param pace seconds between two words.
 */
export function scriptedChat(pace: number = PACE): AnswerSource {
  return async function* (request): AsyncGenerator<UIMessageChunk> {
    const { signal, resumeFrom = 0, checkpoint } = request
    let count = 0
    for (const chunk of script(request)) {
      if (++count <= Number(resumeFrom)) continue
      await sleep(pace * 1000, undefined, { signal })
      checkpoint(count)
      yield chunk
    }
  }
}

function* script({ messages }: AnswerRequest): Generator<UIMessageChunk> {
  const question = textOf(messages.at(-1))
  yield { type: 'start-step' }
  yield { type: 'reasoning-start', id: 'why' }
  yield* words(
    'reasoning-delta',
    'why',
    'No model is set, so this answer is a script. First I look at the clock.',
  )
  yield { type: 'reasoning-end', id: 'why' }
  const call = { toolCallId: 'clock', toolName: 'clock', dynamic: true } as const
  yield { type: 'tool-input-start', ...call }
  yield { type: 'tool-input-available', ...call, input: { zone: 'UTC' } }
  yield {
    type: 'tool-output-available',
    toolCallId: 'clock',
    dynamic: true,
    output: new Date().toISOString(),
  }
  yield { type: 'finish-step' }
  yield { type: 'start-step' }
  yield { type: 'text-start', id: 'answer' }
  yield* words('text-delta', 'answer', answerTo(question, picturesIn(messages.at(-1))))
  yield { type: 'text-end', id: 'answer' }
  yield { type: 'finish-step' }
  yield { type: 'finish', finishReason: 'stop' }
}

function answerTo(question: string, pictures: number): string {
  const seen =
    pictures === 0 ? '' : `, with ${pictures === 1 ? 'a picture' : `${pictures} pictures`} that I do not see`
  return `You said: *${question || 'nothing'}*${seen}

**This answer is a script.** It goes on when you reload, close the tab or lose the network, and it stops when you press Stop.

1. Set \`OPENAI_API_KEY\` for a model, or \`MILLRACE_MODEL\` for one of another provider: \`anthropic/claude-haiku-5-5\`.
2. Or write an application of your own:

\`\`\`ts
import { millrace, sqlite } from 'millrace'
import { chat } from 'millrace/ai-sdk'

export default millrace({ store: sqlite('./data.db'), routes: [chat('/api/chat', { model })] })
\`\`\`
`
}

function* words(type: 'text-delta' | 'reasoning-delta', id: string, text: string): Generator<UIMessageChunk> {
  for (const delta of text.match(/\s*\S+\s*/g) ?? []) yield { type, id, delta }
}

function textOf(message: UIMessage | undefined): string {
  return (message?.parts ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('')
}

function picturesIn(message: UIMessage | undefined): number {
  return (message?.parts ?? []).filter(({ type }) => type === 'file').length
}
