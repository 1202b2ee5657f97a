/**
 * Checks that a text is one JSON value, without creating the value. Most records are short flat objects, such as an
 * event with its delta: a regular expression recognises them in a third of the parser's time and without garbage. The
 * parser checks the rest.
 */
import type { Buffer } from 'node:buffer'

const STRING = String.raw`"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})[^"\\\x00-\x1f]*)*"`
const NUMBER = String.raw`-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?`
const FLAT = String.raw`(?:${STRING}|${NUMBER}|true|false|null|\[\]|\{\})`
const MEMBER = `${STRING}:${FLAT}`

/** An object of RFC 8259 without nesting and white space, as serialisers write it. */
const FLAT_OBJECT = new RegExp(String.raw`^\{${MEMBER}(?:,${MEMBER})*\}$`)

/** Number of characters above which the parser is faster. */
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

/** Splits UTF-8 of JSON values with commas between them into texts. */
export function textsIn(json: Buffer | undefined): string[] {
  return json && json.length > 0 ? splitJson(json.toString()) : []
}

/** Splits JSON values with commas between them into at most `most` unchanged texts. There must be at least one. */
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

/** The index of the quote that ends a string: the first one not preceded by an odd number of backslashes. */
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
