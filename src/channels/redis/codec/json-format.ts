/**
 * Messages in JSON, as channels_redis writes them since 4.2.1 with `serializer_format: "json"`.
 *
 * Invariant: integers of up to 64 bits stay exact integers on both sides, and other numbers floats. `NaN` and
 * `Infinity`, which Python's `json` writes, are not JSON and are refused.
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

/** Digits that an integer has at least when a number cannot hold it. */
const MANY_DIGITS = /\d{16}/
const INTEGER = /^-?\d+$/
/** From this number on its text has an exponent. */
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
      // Reviving takes several times as long as parsing, and few messages need it.
      return MANY_DIGITS.test(text) ? json.parse(text, exactInteger) : json.parse(text)
    } catch {
      // The parser's own error quotes the text.
      throw new SyntaxError('it is not JSON')
    }
  }
}

/** Writes a bigint as an integer, and a float that looks like an integer as a float. */
function asLiteral(leaf: ChannelValue): unknown {
  if (typeof leaf === 'bigint') return json.rawJSON(String(leaf))
  if (typeof leaf !== 'number' || !Number.isInteger(leaf) || Number.isSafeInteger(leaf)) return leaf
  return Math.abs(leaf) < EXPONENT_START ? json.rawJSON(`${leaf}.0`) : leaf
}

function exactInteger(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  return source !== undefined && INTEGER.test(source) ? BigInt(source) : value
}
