/**
 * Reads chunks of OpenAI's Chat Completions API: the text of the answer, and how it ended. Pure, and without
 * the SDK: it accepts any object.
 */
import type { OpenAI } from 'openai'
import type { AnswerOutcome } from './answer.ts'
import { outcomeOfReason } from './finish-reason.ts'

export type ChatChunk = OpenAI.Chat.Completions.ChatCompletionChunk

type ChatChoice = Partial<OpenAI.Chat.Completions.ChatCompletionChunk.Choice> | null | undefined

/** The text that a chunk adds to the first answer; a refusal is an answer, too. */
export function chatText(chunk: object): string | undefined {
  const delta = firstChoice(chunk)?.delta
  return textOf(delta?.content) || textOf(delta?.refusal) || undefined
}

/** Text, or the text of the parts of a list. */
function textOf(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return (content as readonly { readonly type?: unknown; readonly text?: unknown }[])
    .map((part) => (part?.type === 'text' && typeof part.text === 'string' ? part.text : ''))
    .join('')
}

/**
 * How the first answer ended, if this chunk ends it. The usage may follow.
 */
export function chatOutcome(chunk: object): AnswerOutcome | undefined {
  return outcomeOfReason(firstChoice(chunk)?.finish_reason)
}

function firstChoice(chunk: object): ChatChoice {
  const { choices } = chunk as { readonly choices?: unknown }
  if (!Array.isArray(choices)) return undefined
  return (choices as readonly ChatChoice[]).find((choice) => (choice?.index ?? 0) === 0)
}
