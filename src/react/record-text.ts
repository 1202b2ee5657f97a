import type { Json } from '../protocol/json.ts'

/** Events that add text to an answer: of OpenAI's Responses API, and of the AI SDK. */
const DELTAS: ReadonlySet<string> = new Set([
  'response.output_text.delta',
  'response.refusal.delta',
  'text-delta',
])

/**
 * Events of the same two that add none: they begin so. Those of the AI SDK are the chunks of its messages
 * and the parts of its `fullStream`.
 */
const SILENT =
  /^(?:response\.|keepalive$|error$|abort$|raw$|custom$|file$|(?:start|finish|text|reasoning|tool|source|data|message)(?:-|$))/

/** What may be there. */
interface TextEvent {
  readonly type?: Json
  readonly delta?: Json
  readonly text?: Json
  readonly choices?: Json
}

interface Choice {
  readonly index?: Json
  readonly delta?: { readonly content?: Json; readonly refusal?: Json } | null
}

/**
 * The text that a record adds to an answer: a record that is a text itself, `delta` or `text` of one
 * without a `type`, the text of an event of OpenAI's Responses API or of the AI SDK (a chunk of a message,
 * or a part of `fullStream`), or of a chunk of OpenAI's Chat Completions. Empty for any other record.
 */
export function recordText(record: Json): string {
  return knownText(record) ?? ''
}

/** The same, and undefined for a record of another shape. */
export function knownText(record: Json): string | undefined {
  if (typeof record === 'string') return record
  if (typeof record !== 'object' || record === null) return undefined
  const { type, delta, text, choices } = record as TextEvent
  if (Array.isArray(choices)) return choiceText(choices as readonly (Choice | null)[])
  if (type === undefined) return textIn(delta) ?? textIn(text)
  if (typeof type !== 'string') return undefined
  if (DELTAS.has(type)) return textIn(delta) ?? textIn(text) ?? ''
  return SILENT.test(type) ? '' : undefined
}

/** Of the first choice: others are other answers. */
function choiceText(choices: readonly (Choice | null)[]): string {
  const first = choices.find((choice) => (choice?.index ?? 0) === 0)
  const { content, refusal } = first?.delta ?? {}
  const parts: readonly (Json | undefined)[] = Array.isArray(content)
    ? (content as readonly Json[])
    : [content ?? refusal]
  return parts
    .map((part) => textIn(part) ?? textIn((part as TextEvent | null | undefined)?.text) ?? '')
    .join('')
}

function textIn(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
