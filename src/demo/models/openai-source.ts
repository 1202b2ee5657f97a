/** Answers in a chat of the Responses API: text and reasoning as chunks, with checkpoints that another process continues. */
import type { UIMessage, UIMessageChunk } from 'ai'
import type { AnswerSource } from '../../endpoints/chat/chat-source.ts'
import type { Json } from '../../protocol/json.ts'
import { answerOutcome, answerText } from '../../providers/openai/answer.ts'
import { openai } from '../../providers/openai/openai.ts'
import type { ResponseStreamEvent } from '../../providers/openai/response-event.ts'
import type { ModelOptions } from '../model-answer.ts'
import { PICTURES, withReadableFiles } from './readable-files.ts'

export function openAISource(model: ModelOptions): AnswerSource {
  return async function* ({ messages, signal, runId, alive, resumeFrom, checkpoint }) {
    const { at, ...progress } = (resumeFrom ?? { parts: 0 }) as Progress & { readonly at?: Json }
    const writer = new PartWriter(progress)
    let place: Json | undefined
    const events = openai({ ...model, input: inputOf(withReadableFiles(messages, PICTURES)) })({
      signal,
      runId,
      alive,
      ...(at !== undefined && { resumeFrom: at }),
      checkpoint: (value) => {
        place = value
        // No event follows: this one says what another process has to cancel.
        if (signal.aborted) checkpoint({ at: value, ...writer.progress })
      },
    })
    for await (const event of events) {
      const chunks = [...writer.chunksOf(event)]
      for (const [index, chunk] of chunks.entries()) {
        // Whoever continues from here has all chunks of the event.
        if (index === chunks.length - 1 && place !== undefined) checkpoint({ at: place, ...writer.progress })
        yield chunk
      }
    }
    yield* writer.end()
  }
}

type Kind = 'text' | 'reasoning'

/** How many parts have begun, and of which kind the open one is. */
type Progress = { readonly parts: number; readonly open?: Kind }

/** Puts the pieces of an answer into parts: a new one where reasoning turns into text, or text into reasoning. */
class PartWriter {
  #progress: Progress

  constructor(progress: Progress) {
    this.#progress = progress
  }

  get progress(): Progress {
    return this.#progress
  }

  *chunksOf(event: ResponseStreamEvent): Generator<UIMessageChunk> {
    const reasoning = reasoningOf(event)
    if (reasoning !== undefined) yield* this.#piece('reasoning', reasoning)
    const text = answerText(event)
    if (text !== undefined) yield* this.#piece('text', text)
    const outcome = answerOutcome(event)
    // The incomplete answer is kept; the reader should know why it ends here.
    if (outcome?.status === 'incomplete') yield* this.#piece('text', `\n\n[${outcome.sentence}]`)
  }

  *end(): Generator<UIMessageChunk> {
    const { open, parts } = this.#progress
    if (open) yield { type: `${open}-end`, id: String(parts) }
    this.#progress = { parts }
  }

  *#piece(kind: Kind, delta: string): Generator<UIMessageChunk> {
    if (this.#progress.open !== kind) {
      yield* this.end()
      this.#progress = { parts: this.#progress.parts + 1, open: kind }
      yield { type: `${kind}-start`, id: String(this.#progress.parts) }
    }
    yield { type: `${kind}-delta`, id: String(this.#progress.parts), delta }
  }
}

/** Reasoning of OpenAI comes as a summary; open models send it whole. */
function reasoningOf(event: ResponseStreamEvent): string | undefined {
  return event.type === 'response.reasoning_summary_text.delta' ||
    event.type === 'response.reasoning_text.delta'
    ? event.delta
    : undefined
}

type Content =
  | { readonly type: 'input_text'; readonly text: string }
  | { readonly type: 'input_image'; readonly image_url: string; readonly detail: 'auto' }

type Input = { readonly role: 'user' | 'assistant'; readonly content: string | Content[] }

function inputOf(messages: readonly UIMessage[]): Input[] {
  return messages.flatMap(({ role, parts }): Input[] => {
    const content = parts.flatMap((part): Content[] => {
      if (part.type === 'text') return [{ type: 'input_text', text: part.text }]
      if (part.type === 'file') return [{ type: 'input_image', image_url: part.url, detail: 'auto' }]
      return []
    })
    const texts = content.flatMap((one) => (one.type === 'input_text' ? [one.text] : []))
    if (role !== 'assistant' && texts.length < content.length) return [{ role: 'user', content }]
    // An answer that failed before its first word says nothing.
    return texts.length > 0 ? [{ role: role === 'assistant' ? role : 'user', content: texts.join('') }] : []
  })
}
