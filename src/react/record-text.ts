import type { Json } from '../protocol/json.ts'

/** Events that add text to an answer: of OpenAI's Responses API, and of the AI SDK. */
const DELTAS: ReadonlySet<unknown> = new Set([
  'response.output_text.delta',
  'response.refusal.delta',
  'text-delta',
])

/** What may be there. */
interface TextEvent {
  readonly type?: Json
  readonly delta?: Json
  readonly choices?: readonly ({ readonly delta?: { readonly content?: Json } | null } | null)[] | null
}

/**
 * The text that a record adds to an answer: a record that is a text itself, the delta of an event, or
 * that of a chunk of OpenAI's Chat Completions.
 */
export function recordText(record: Json): string {
  if (typeof record === 'string') return record
  const event = record as TextEvent | null
  const text = DELTAS.has(event?.type) ? event?.delta : event?.choices?.[0]?.delta?.content
  return typeof text === 'string' ? text : ''
}
