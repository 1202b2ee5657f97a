/**
 * Reads JSON from an untrusted source. Pure.
 *
 * `JSON.parse` accepts four things no consumer should have to think of: nesting deep enough to
 * overflow the stack of whatever walks the value next, keys that reach a prototype when the value
 * is merged into another, strings that no UTF-8 peer can store, and numbers too large for one, which
 * become null when they are written again. `parseJson` refuses all four.
 */

/** A value that JSON can carry. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** The reason for which `parseJson` refused a text. */
export type JsonErrorCode = 'syntax' | 'depth' | 'prototype' | 'surrogate' | 'number'

/** Thrown by `parseJson`. The message is for the sender, and does not quote the text. */
export class JsonError extends Error {
  override readonly name = 'JsonError'
  readonly code: JsonErrorCode

  constructor(code: JsonErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Deepest nesting that `parseJson` accepts by default. */
export const DEFAULT_MAX_DEPTH = 100

/** Only a text with one of these can contain a refused key or half a pair, which escapes can write, too. */
const SUSPECT = /__proto__|constructor|\\u/

/**
 * Only a number with one of these can be beyond 1.8e308: an exponent of three digits, or so many digits
 * before one of two. Apart from the others: together they would be searched for ten times as long.
 */
const LARGE = /\d[eE]\+?\d{3}/
const MANY_DIGITS = 200

/**
 * Parses one JSON text.
 *
 * @throws {JsonError} `syntax` for what is not JSON (an empty text included), `depth` for nesting
 * beyond `maxDepth`, `prototype` for a `__proto__` key or a `constructor` key that holds a
 * `prototype`, `surrogate` for a string or key with half a surrogate pair, `number` for one beyond what
 * JavaScript's numbers hold, such as 1e999.
 */
export function parseJson(text: string, maxDepth: number = DEFAULT_MAX_DEPTH): Json {
  // A text of n characters nests at most n / 2 deep, so most messages skip the scan.
  if (text.length > 2 * maxDepth && deeperThan(text, maxDepth)) {
    throw new JsonError('depth', `JSON nested deeper than ${maxDepth} levels`)
  }
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    throw new JsonError('syntax', 'Invalid JSON')
  }
  checkWellFormed(text)
  if (SUSPECT.test(text) || LARGE.test(text) || hasManyDigits(text)) checkValues(value)
  return value
}

/** Counts brackets outside strings, before the text is parsed, so that no deep value is built. */
function deeperThan(text: string, maxDepth: number): boolean {
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (inString) {
      if (code === 0x5c) i++
      else if (code === 0x22) inString = false
    } else if (code === 0x22) inString = true
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > maxDepth) return true
    } else if (code === 0x5d || code === 0x7d) depth--
  }
  return false
}

function checkValues(root: Json): void {
  const pending: Json[] = [root]
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value === 'string') checkWellFormed(value)
    else if (typeof value === 'number') checkFinite(value)
    else if (isList(value)) for (const item of value) pending.push(item)
    else if (typeof value === 'object' && value !== null) {
      for (const key of Object.keys(value)) {
        checkWellFormed(key)
        const member = value[key] as Json
        if (key === '__proto__' || (key === 'constructor' && hasPrototype(member))) {
          throw new JsonError('prototype', `The key "${key}" is not accepted`)
        }
        pending.push(member)
      }
    }
  }
}

function checkWellFormed(text: string): void {
  if (!text.isWellFormed()) throw new JsonError('surrogate', 'A string contains half a surrogate pair')
}

/** Looks at every 200th character, which a run of more than 200 digits must include. */
function hasManyDigits(text: string): boolean {
  for (let at = MANY_DIGITS - 1; at < text.length; at += MANY_DIGITS) {
    let from = at
    while (isDigit(text.charCodeAt(from))) from--
    let to = from + 1
    while (isDigit(text.charCodeAt(to))) to++
    if (to - from > MANY_DIGITS) return true
  }
  return false
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

function checkFinite(value: number): void {
  if (!Number.isFinite(value)) throw new JsonError('number', 'A number is too large')
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

function hasPrototype(value: Json): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype')
}
