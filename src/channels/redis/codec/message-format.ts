/** How a message and its receivers are written as bytes. Encryption is applied to these (codec.ts). */
import type { MessageValues } from '../../message.ts'
import type { ChannelMessage, ChannelValue } from '../../layer.ts'

/** The encoded members of a message, for any number of envelopes. */
export interface EncodedMembers {
  readonly count: number
  readonly bytes: Uint8Array
}

export interface MessageFormat {
  readonly values: MessageValues
  /** @param message has been through `copyMessage`, for these values. */
  members(message: ChannelMessage): EncodedMembers
  /** Makes a map of the members, and of the receivers if there are any. */
  pack(members: EncodedMembers, receivers?: string | readonly string[]): Buffer
  /** Reads what a peer packed. Throws when that fails, with a text that does not quote the bytes. */
  unpack(packed: Buffer): unknown
}

/** A value with its leaves replaced. Only the parts that hold a replaced leaf are copied. */
export function replaceLeaves(value: ChannelValue, replace: (leaf: ChannelValue) => unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return replace(value)
  if (isList(value)) {
    const items = value.map((item) => replaceLeaves(item, replace))
    return items.some((item, i) => item !== value[i]) ? items : value
  }
  let copy: Record<string, unknown> | undefined
  for (const key of Object.keys(value)) {
    const before = value[key]
    if (before === undefined) continue
    const after = replaceLeaves(before, replace)
    if (after !== before && !Object.is(after, before)) (copy ??= { ...value })[key] = after
  }
  return copy ?? value
}

/** `Array.isArray` does not narrow to readonly arrays. */
function isList(value: object): value is readonly ChannelValue[] {
  return Array.isArray(value)
}
