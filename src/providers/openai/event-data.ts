/** What the data of an event says: a value, the end, or only that the service is alive. Pure. */
import { redact } from '../redact.ts'
import type { SentEvent } from './sent-events.ts'
import { UpstreamError } from '../upstream-error.ts'

export type EventData = { readonly value: unknown } | 'done' | 'alive'

/** `[DONE]`, as it is also written. */
const DONE = /^"?\[?DONE\]?"?$/i

/** The name of an event, or the `type` of one, that services send so that the connection is not cut. */
const ALIVE = /^(?:response\.)?(?:ping|pong|keep[-_ ]?alive|heart[-_ ]?beat)$/i

/**
 * What an event says; several things when lines of data stand together that are JSON each.
 *
 * @throws {UpstreamError} `cut` for JSON that the end of the body cut, `bad_answer` for any other data
 * that is none.
 */
export function readData(event: SentEvent, secrets: readonly string[]): readonly EventData[] {
  const whole = readText(event.data)
  // By its name it is one, whatever it holds; one that says so itself may have a number that counts.
  if (ALIVE.test(event.event)) return isValue(whole) && isSignOfLife(whole.value) ? [whole] : ['alive']
  if (whole) return [whole]
  // A service that leaves out the blank lines.
  const lines = event.data.includes('\n') ? event.data.split('\n').map((line) => readText(line)) : []
  if (lines.length > 0 && lines.every((line) => line !== undefined)) return lines
  if (event.unfinished && !event.bare) throw new UpstreamError('cut', 'the stream ended within an event')
  // Broken JSON may be a part of the answer, which is in no log.
  const said = /^\s*["[{]/.test(event.data) ? '' : `: ${redact(event.data, secrets, 120)}`
  throw new UpstreamError('bad_answer', `an event that is no JSON${said}`)
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
