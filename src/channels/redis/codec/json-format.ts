/**
 * Messages in JSON, as channels_redis writes them since 4.2.1 with `serializer_format: "json"`.
 *
 * Invariant: integers of up to 64 bits are integers on both sides, exactly, and other numbers floats.
 * What Python's `json` writes beyond JSON (`NaN`, `Infinity`) is refused.
 */
import type { ChannelMessage, ChannelValue } from '../../layer.ts'
import { type EncodedMembers, type MessageFormat, replaceLeaves } from './message-format.ts'
import { RECEIVERS } from '../wire-names.ts'

/** Newer than TypeScript's library; Node has both since version 21. */
const json = JSON as unknown as {
  rawJSON(text: string): unknown
  parse(
    text: string,
    revive?: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown
}

/** What an integer that a number cannot hold needs at least. */
const MANY_DIGITS = /\d{16}/
const INTEGER = /^-?\d+$/
/** From here on a number's text has an exponent. */
const EXPONENT_START = 1e21

export class JsonFormat implements MessageFormat {
  readonly values = 'json'

  members(message: ChannelMessage): EncodedMembers {
    const text = JSON.stringify(replaceLeaves(message, asLiteral))
    return { count: Object.keys(message).length, bytes: Buffer.from(text.slice(1, -1)) }
  }

  pack({ bytes }: EncodedMembers, receivers?: string | readonly string[]): Buffer {
    const end = receivers === undefined ? '}' : `,"${RECEIVERS}":${JSON.stringify(receivers)}}`
    return Buffer.concat([Buffer.from('{'), bytes, Buffer.from(end)])
  }

  unpack(packed: Buffer): unknown {
    const text = packed.toString()
    try {
      // Reviving costs several times the parsing, and few messages need it.
      return MANY_DIGITS.test(text) ? json.parse(text, exactInteger) : json.parse(text)
    } catch {
      // The parser's own words quote the text.
      throw new SyntaxError('it is not JSON')
    }
  }
}

/** A bigint, and a float that JavaScript would write like an integer. */
function asLiteral(leaf: ChannelValue): unknown {
  if (typeof leaf === 'bigint') return json.rawJSON(String(leaf))
  if (typeof leaf !== 'number' || !Number.isInteger(leaf) || Number.isSafeInteger(leaf)) return leaf
  return Math.abs(leaf) < EXPONENT_START ? json.rawJSON(`${leaf}.0`) : leaf
}

function exactInteger(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  return source !== undefined && INTEGER.test(source) ? BigInt(source) : value
}
