/**
 * Whether a text is one JSON value, without making the value. Most records are short flat objects, an
 * event with its delta: a pattern recognises those in a third of the time that a parser takes, and
 * leaves no garbage. What it does not recognise is for the parser to judge.
 */
import type { Buffer } from 'node:buffer'

const STRING = String.raw`"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})[^"\\\x00-\x1f]*)*"`
const NUMBER = String.raw`-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?`
const FLAT = String.raw`(?:${STRING}|${NUMBER}|true|false|null|\[\]|\{\})`
const MEMBER = `${STRING}:${FLAT}`

/** An object of RFC 8259 without nesting and without white space, which is how serialisers write it. */
const FLAT_OBJECT = new RegExp(String.raw`^\{${MEMBER}(?:,${MEMBER})*\}$`)

/** Characters from which on the parser is the faster one. */
const LONG = 1024

export function isJsonText(text: string): boolean {
  if (text.length < LONG && FLAT_OBJECT.test(text)) return true
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** The texts of JSON values that have commas between them, as UTF-8. */
export function textsIn(json: Buffer | undefined): string[] {
  return json && json.length > 0 ? splitJson(json.toString()) : []
}

/** The texts of JSON values that have commas between them, as they were: `most` of them. There has to be one. */
export function splitJson(text: string, most: number = Number.POSITIVE_INFINITY): string[] {
  const texts: string[] = []
  let depth = 0
  let begin = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at)
        break
      case OPEN_BRACKET:
      case OPEN_BRACE:
        depth++
        break
      case CLOSE_BRACKET:
      case CLOSE_BRACE:
        depth--
        break
      case COMMA:
        if (depth > 0) break
        texts.push(text.slice(begin, at))
        if (texts.length === most) return texts
        begin = at + 1
    }
  }
  texts.push(text.slice(begin))
  return texts
}

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Where the quote is that ends a string: the first without an odd number of backslashes before it. */
function endOfString(text: string, begin: number): number {
  let end = begin
  for (;;) {
    end = text.indexOf('"', end + 1)
    if (end < 0) return text.length
    let before = end
    while (text.charCodeAt(before - 1) === BACKSLASH) before--
    if ((end - before) % 2 === 0) return end
  }
}
