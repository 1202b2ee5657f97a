/**
 * What a reader of an answer needs of the chunks of OpenAI's Chat Completions API: the text as it
 * comes, and how it ended. Pure, and without the SDK: any object can be asked.
 */
import type { OpenAI } from 'openai'
import type { AnswerOutcome } from './answer.ts'
import { outcomeOfReason } from './finish-reason.ts'

export type ChatChunk = OpenAI.Chat.Completions.ChatCompletionChunk

type ChatChoice = Partial<OpenAI.Chat.Completions.ChatCompletionChunk.Choice> | null | undefined

/** The text that a chunk adds to the answer, the first one if several were asked for; a refusal is an answer too. */
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
 * How the answer ended, the first one if several were asked for, when this chunk says so. The usage
 * may still come behind it.
 */
export function chatOutcome(chunk: object): AnswerOutcome | undefined {
  return outcomeOfReason(firstChoice(chunk)?.finish_reason)
}

function firstChoice(chunk: object): ChatChoice {
  const { choices } = chunk as { readonly choices?: unknown }
  if (!Array.isArray(choices)) return undefined
  return (choices as readonly ChatChoice[]).find((choice) => (choice?.index ?? 0) === 0)
}
