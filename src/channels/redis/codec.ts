/**
 * Messages as channels_redis writes them: msgpack, and optionally a Fernet token around it. The 12
 * bytes before it in a queue are not part of it (sequence.ts).
 *
 * Invariant: what `encode` gives is read by Python's `msgpack.unpackb(raw=False)` as the same values,
 * and whatever Python's `packb` gives is either read or refused with an error, in bounded depth.
 */
import { Decoder, Encoder } from '@msgpack/msgpack'
import { copyMessage } from '../message.ts'
import type { ChannelMessage, ChannelValue } from '../layer.ts'
import type { Fernet } from './fernet.ts'
import { RECEIVERS } from './wire-names.ts'

export interface Envelope {
  /** Full names of the channels it is for; without, it is for whoever reads the queue. */
  readonly receivers: readonly string[] | undefined
  readonly message: ChannelMessage
}

/** Encoded members of a message, to be put in any number of envelopes. */
export interface EncodedMembers {
  readonly count: number
  readonly bytes: Uint8Array
}

/** Deeper than any message that `copyMessage` lets through. */
const MAX_DEPTH = 200
const UINT32_END = 2 ** 32
const INT32_START = -(2 ** 31)

const RECEIVERS_KEY = new Encoder().encode(RECEIVERS)

export class MessageCodec {
  readonly #encoder: Encoder = new Encoder({ useBigInt64: true, maxDepth: MAX_DEPTH })
  readonly #decoder: Decoder = new Decoder({
    useBigInt64: true,
    mapKeyConverter: memberName,
    // A Timestamp or another extension of Python's msgpack arrives as its bytes.
    extensionCodec: { tryToEncode: () => null, decode: (data: Uint8Array) => data },
  })
  readonly #fernet: Fernet | undefined

  constructor(fernet?: Fernet) {
    this.#fernet = fernet
  }

  /** @param message has been through `copyMessage`. */
  members(message: ChannelMessage): EncodedMembers {
    const count = Object.keys(message).length
    const map = this.#encoder.encode(withInt64(message))
    return { count, bytes: map.subarray(mapHeaderLength(count)) }
  }

  /** Puts a message in an envelope: a name for a send, a list of names for a group send, or none. */
  seal(members: EncodedMembers, receivers?: string | readonly string[]): Buffer {
    const parts =
      receivers === undefined
        ? [mapHeader(members.count), members.bytes]
        : [mapHeader(members.count + 1), members.bytes, RECEIVERS_KEY, this.#encoder.encode(receivers)]
    const packed = Buffer.concat(parts)
    return this.#fernet ? Buffer.from(this.#fernet.encrypt(packed), 'ascii') : packed
  }

  /**
   * What is in an envelope; the message has been through `copyMessage`.
   *
   * @throws {Error} for what is no message, or encrypted with another key; the text quotes none of it.
   */
  open(sealed: Buffer): Envelope {
    const packed = this.#fernet ? this.#fernet.decrypt(sealed.toString('latin1')) : sealed
    const decoded = this.#decoder.decode(packed)
    if (typeof decoded !== 'object' || decoded === null || Array.isArray(decoded)) {
      throw new TypeError('it is no map')
    }
    const { [RECEIVERS]: receivers, ...message } = decoded as Record<string, unknown>
    return { receivers: namesIn(receivers), message: copyMessage(message) }
  }
}

function namesIn(receivers: unknown): string[] | undefined {
  if (receivers === undefined) return undefined
  const list: unknown[] = Array.isArray(receivers) ? receivers : [receivers]
  return list.filter((name): name is string => typeof name === 'string')
}

/** Python's maps may have keys of any type; they become text, as its `json` makes them. */
function memberName(key: unknown): string | number {
  const name = key instanceof Uint8Array ? Buffer.from(key).toString() : String(key)
  if (name === '__proto__' || (typeof key === 'object' && key !== null && !(key instanceof Uint8Array))) {
    throw new TypeError('a map in it has a key that is not accepted')
  }
  return name
}

/**
 * The encoder writes a safe integer beyond 32 bits as a float, which Python reads as another type; a
 * bigint it writes as an integer. Copies only what holds one.
 */
function withInt64(value: ChannelValue | undefined): ChannelValue | undefined {
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) && (value >= UINT32_END || value < INT32_START) ? BigInt(value) : value
  }
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  if (isList(value)) {
    const items = value.map(withInt64)
    return items.some((item, i) => item !== value[i]) ? (items as ChannelValue[]) : value
  }
  let copy: Record<string, ChannelValue | undefined> | undefined
  for (const key of Object.keys(value)) {
    const after = withInt64(value[key])
    if (after !== value[key]) (copy ??= { ...value })[key] = after
  }
  return copy ?? value
}

/** `Array.isArray` does not know readonly arrays. */
function isList(value: object): value is readonly ChannelValue[] {
  return Array.isArray(value)
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
