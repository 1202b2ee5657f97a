/**
 * The ids of runs, and of the streams that Millrace keeps beside them. Ids that begin with `@` are reserved for
 * Millrace: no run has such an id, and no endpoint serves such a stream.
 */
import { createHash, randomBytes } from 'node:crypto'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const RESERVED = '@'
/** Below the limit of a stream id, to leave room for a prefix. */
const RUN_ID = /^(?!@)[\x21-\x7e]{1,500}$/

/** Prefix of the mailboxes of all processes. */
export const MAILBOXES = '@control/'

/** 128 random bits: 26 of `a-z2-7`. */
export function newRunId(): string {
  return base32(randomBytes(16))
}

export function isRunId(id: string): boolean {
  return typeof id === 'string' && RUN_ID.test(id)
}

/** Whether the id of a stream is reserved. Every endpoint answers as if it did not exist. */
export function isReservedId(id: string): boolean {
  return id.startsWith(RESERVED)
}

/** The stream on which a process receives messages about its runs. */
export function mailboxId(holder: string): string {
  return `${MAILBOXES}${holder}`
}

/** The id of a stream for one input. */
export function newInputId(): string {
  return `@input/${newRunId()}`
}

/** The stream that lists the runs of an owner's chat. Of fixed length; the names are hashed. */
export function chatIndexId(chat: string, owner: string | undefined): string {
  const name = JSON.stringify([owner ?? null, chat])
  return `@chat/${base32(createHash('sha256').update(name).digest())}`
}

/** RFC 4648, in lower case and without padding. */
function base32(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let buffer = 0
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) text += ALPHABET[(buffer >> (bits - 5)) & 31]
    buffer &= (1 << bits) - 1
  }
  return bits > 0 ? text + ALPHABET[(buffer << (5 - bits)) & 31] : text
}
