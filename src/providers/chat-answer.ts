/**
 * What a reader of an answer needs of the chunks of OpenAI's Chat Completions API: the text as it
 * comes, and how it ended. Pure, and without the SDK: any object can be asked.
 */
import type { OpenAI } from 'openai'
import { incomplete } from './answer.ts'
import type { AnswerOutcome } from './answer.ts'

export type ChatChunk = OpenAI.Chat.Completions.ChatCompletionChunk

type ChatChoice = Partial<OpenAI.Chat.Completions.ChatCompletionChunk.Choice> | null | undefined

/** The text that a chunk adds to the answer, the first one if several were asked for; a refusal is an answer too. */
export function chatText(chunk: object): string | undefined {
  const delta = firstChoice(chunk)?.delta
  const text = delta?.content || delta?.refusal
  return typeof text === 'string' ? text : undefined
}

/**
 * How the answer ended, the first one if several were asked for, when this chunk says so. The usage
 * may still come behind it.
 */
export function chatOutcome(chunk: object): AnswerOutcome | undefined {
  const reason: string | null | undefined = firstChoice(chunk)?.finish_reason
  if (typeof reason !== 'string') return undefined
  return reason === 'length' || reason === 'content_filter' ? incomplete(reason) : { status: 'completed' }
}

function firstChoice(chunk: object): ChatChoice {
  const { choices } = chunk as { readonly choices?: unknown }
  if (!Array.isArray(choices)) return undefined
  return (choices as readonly ChatChoice[]).find((choice) => (choice?.index ?? 0) === 0)
}
