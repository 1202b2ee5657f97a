/**
 * Messages in msgpack, channels_redis's own format.
 *
 * Invariant: Python's `msgpack.unpackb(raw=False)` reads the same values. Anything that Python's `packb`
 * writes is either read or refused with an error, in bounded depth.
 */
import { Decoder, Encoder } from '@msgpack/msgpack'
import type { ChannelMessage, ChannelValue } from '../../layer.ts'
import { type EncodedMembers, type MessageFormat, replaceLeaves } from './message-format.ts'
import { RECEIVERS } from '../wire-names.ts'

/** More levels than `copyMessage` lets through. */
const MAX_DEPTH = 200
const UINT32_END = 2 ** 32
const INT32_START = -(2 ** 31)

const RECEIVERS_KEY = new Encoder().encode(RECEIVERS)

export class MsgpackFormat implements MessageFormat {
  readonly values = 'all'
  readonly #encoder: Encoder = new Encoder({ useBigInt64: true, maxDepth: MAX_DEPTH })
  readonly #decoder: Decoder = new Decoder({
    useBigInt64: true,
    mapKeyConverter: memberName,
    // A Timestamp, or another extension of Python's msgpack, becomes its bytes.
    extensionCodec: { tryToEncode: () => null, decode: (data: Uint8Array) => data },
  })

  members(message: ChannelMessage): EncodedMembers {
    const count = Object.keys(message).length
    const map = this.#encoder.encode(replaceLeaves(message, asInt64))
    return { count, bytes: map.subarray(mapHeaderLength(count)) }
  }

  pack(members: EncodedMembers, receivers?: string | readonly string[]): Buffer {
    return Buffer.concat(
      receivers === undefined
        ? [mapHeader(members.count), members.bytes]
        : [mapHeader(members.count + 1), members.bytes, RECEIVERS_KEY, this.#names(receivers)],
    )
  }

  /** Writes names by hand: names of channels are short and ASCII, and may be thousands. */
  #names(receivers: string | readonly string[]): Uint8Array {
    if (typeof receivers === 'string' || receivers.length < 16) return this.#encoder.encode(receivers)
    const text = receivers.join('')
    if (Buffer.byteLength(text) !== text.length) return this.#encoder.encode(receivers)
    const bytes = Buffer.allocUnsafe(5 + receivers.length * 2 + text.length)
    let at = bytes.writeUInt8(0xdd)
    at = bytes.writeUInt32BE(receivers.length, at)
    for (const name of receivers) {
      // A peer may have made up a longer name.
      if (name.length > 0xff) return this.#encoder.encode(receivers)
      bytes[at++] = 0xd9
      bytes[at++] = name.length
      at += bytes.write(name, at, 'latin1')
    }
    return bytes
  }

  unpack(packed: Buffer): unknown {
    return this.#decoder.decode(packed)
  }
}

/** Python's maps may have keys of any type. They become text, as in Python's `json`. */
function memberName(key: unknown): string | number {
  const name = key instanceof Uint8Array ? Buffer.from(key).toString() : String(key)
  if (name === '__proto__' || (typeof key === 'object' && key !== null && !(key instanceof Uint8Array))) {
    throw new TypeError('a map in it has a key that is not accepted')
  }
  return name
}

/**
 * The encoder writes a safe integer beyond 32 bits as a float, which Python reads as another type. It writes
 * a bigint as an integer.
 */
function asInt64(leaf: ChannelValue): ChannelValue {
  const is64 = typeof leaf === 'number' && (leaf >= UINT32_END || leaf < INT32_START)
  return is64 && Number.isSafeInteger(leaf) ? BigInt(leaf) : leaf
}

function mapHeaderLength(count: number): number {
  if (count < 16) return 1
  return count < 65_536 ? 3 : 5
}

function mapHeader(count: number): Buffer {
  const header = Buffer.alloc(mapHeaderLength(count))
  if (count < 16) header.writeUInt8(0x80 | count)
  else if (count < 65_536) {
    header.writeUInt8(0xde)
    header.writeUInt16BE(count, 1)
  } else {
    header.writeUInt8(0xdf)
    header.writeUInt32BE(count, 1)
  }
  return header
}
