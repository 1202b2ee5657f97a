/** The demo's chat at `/api/chat`, for any stock `useChat`. Loaded only if the package `ai` is installed. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { UIMessage, UIMessageChunk } from 'ai'
import { type AnswerRequest, type AnswerSource, chat } from '../ai-sdk.ts'
import { answerOutcome, answerText } from '../providers/openai/answer.ts'
import { openai } from '../providers/openai/openai.ts'
import type { ServedChat } from '../routing/served-chat.ts'
import type { ModelOptions } from './model-answer.ts'

/** Seconds between two words of the scripted answer. */
const PACE = 0.03

/** @param model answers; without one, a script answers, which shows what an answer may contain. */
export function demoChat(model: ModelOptions | undefined): ServedChat {
  return chat('/api/chat', { stream: model ? modelSource(model) : scriptedChat() })
}

function modelSource(model: ModelOptions): AnswerSource {
  return async function* ({ messages, signal, runId }): AsyncGenerator<UIMessageChunk> {
    const input = messages.map((message) => ({
      role: message.role === 'assistant' ? ('assistant' as const) : ('user' as const),
      content: textOf(message),
    }))
    yield { type: 'text-start', id: '1' }
    for await (const event of openai({ ...model, background: false, input })({ signal, runId })) {
      const delta = answerText(event)
      if (delta !== undefined) yield { type: 'text-delta', id: '1', delta }
      const outcome = answerOutcome(event)
      // The incomplete answer is kept; the reader should know why it ends here.
      if (outcome?.status === 'incomplete')
        yield { type: 'text-delta', id: '1', delta: `\n\n[${outcome.sentence}]` }
    }
    yield { type: 'text-end', id: '1' }
  }
}

/**
 * Answers without a model: reasoning, a tool call, Markdown and code.
 *
 * @param pace seconds between two words.
 */
export function scriptedChat(pace: number = PACE): AnswerSource {
  return async function* (request): AsyncGenerator<UIMessageChunk> {
    for await (const chunk of script(request)) {
      await sleep(pace * 1000, undefined, { signal: request.signal })
      yield chunk
    }
  }
}

async function* script({ messages }: AnswerRequest): AsyncGenerator<UIMessageChunk> {
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
  yield* words('text-delta', 'answer', answerTo(question))
  yield { type: 'text-end', id: 'answer' }
  yield { type: 'finish-step' }
  yield { type: 'finish', finishReason: 'stop' }
}

function answerTo(question: string): string {
  return `You said: *${question || 'nothing'}*

**This answer is a script.** It goes on when you reload, close the tab or lose the network, and it stops when you press Stop.

1. Set \`OPENAI_API_KEY\` for a model.
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
