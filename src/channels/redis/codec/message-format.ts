/** How a message is written, and what is written beside it; encryption goes around it (codec.ts). */
import type { MessageValues } from '../../message.ts'
import type { ChannelMessage, ChannelValue } from '../../layer.ts'

/** Encoded members of a message, to be put in any number of envelopes. */
export interface EncodedMembers {
  readonly count: number
  readonly bytes: Uint8Array
}

export interface MessageFormat {
  readonly values: MessageValues
  /** @param message has been through `copyMessage`, for these values. */
  members(message: ChannelMessage): EncodedMembers
  /** A map of the members, and of the receivers if there are any. */
  pack(members: EncodedMembers, receivers?: string | readonly string[]): Buffer
  /** What a peer packed, which may be anything. Throws for what cannot be read; the text quotes none of it. */
  unpack(packed: Buffer): unknown
}

/** The value with other leaves where `replace` gives others; copies only what holds one. */
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

/** `Array.isArray` does not know readonly arrays. */
function isList(value: object): value is readonly ChannelValue[] {
  return Array.isArray(value)
}
