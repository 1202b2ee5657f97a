/** Reads the data of an event: a value, the end, or only a sign of life. Pure. */
import { redact } from '../redact.ts'
import type { SentEvent } from './sent-events.ts'
import { UpstreamError } from '../upstream-error.ts'

export type EventData = { readonly value: unknown } | 'done' | 'alive'

/** `[DONE]`, in its variants. */
const DONE = /^"?\[?DONE\]?"?$/i

/** The name or `type` of events that services send to keep a connection alive. */
const ALIVE = /^(?:response\.)?(?:ping|pong|keep[-_ ]?alive|heart[-_ ]?beat)$/i

/**
 * Reads an event. It holds several values when each of its lines is JSON.
 *
 * @throws {UpstreamError} `cut` for JSON that the end of the body cut, `bad_answer` for other data that is
 * not JSON.
 */
export function readData(event: SentEvent, secrets: readonly string[]): readonly EventData[] {
  const whole = readText(event.data)
  // An event with this name is a sign of life. If its value says so, too, the value may have a sequence
  // number.
  if (ALIVE.test(event.event)) return isValue(whole) && isSignOfLife(whole.value) ? [whole] : ['alive']
  if (whole) return [whole]
  // Some services leave out the blank lines between events.
  const lines = event.data.includes('\n') ? event.data.split('\n').map((line) => readText(line)) : []
  if (lines.length > 0 && lines.every((line) => line !== undefined)) return lines
  if (event.unfinished && !event.bare) throw new UpstreamError('cut', 'the stream ended within an event')
  // Broken JSON may be a part of the answer, which is not logged.
  const said = /^\s*["[{]/.test(event.data) ? '' : `: ${redact(event.data, secrets, 120)}`
  throw new UpstreamError('bad_answer', `an event that is not JSON${said}`)
}

function readText(text: string): EventData | undefined {
  const data = text.trim()
  if (data === '' || data.startsWith(':') || ALIVE.test(data)) return 'alive'
  if (DONE.test(data)) return 'done'
  try {
    return { value: JSON.parse(data) as unknown }
  } catch {
    return undefined
  }
}

function isValue(data: EventData | undefined): data is { readonly value: unknown } {
  return typeof data === 'object'
}

/** Whether a value only keeps the connection alive: `{}`, or a ping by its `type`. */
export function isSignOfLife(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { type, event, object } = value as { readonly [name: string]: unknown }
  return (
    [type, event, object].some((name) => typeof name === 'string' && ALIVE.test(name)) ||
    Object.keys(value).length === 0
  )
}
