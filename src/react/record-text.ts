import type { Json } from '../protocol/json.ts'

/** Events that add text to an answer: of OpenAI's Responses API, and of the AI SDK. */
const DELTAS: ReadonlySet<unknown> = new Set([
  'response.output_text.delta',
  'response.refusal.delta',
  'text-delta',
])

/** The text that a record adds to an answer: a record that is a text itself, or the delta of an event. */
export function recordText(record: Json): string {
  if (typeof record === 'string') return record
  if (typeof record !== 'object' || record === null || !('type' in record) || !DELTAS.has(record.type))
    return ''
  const { delta } = record
  return typeof delta === 'string' ? delta : ''
}
