/**
 * The ids of runs, and of the streams that Millrace keeps beside them. Whatever begins with `@` is
 * Millrace's own: no run is called so, and no door to the outside opens it.
 */
import { createHash, randomBytes } from 'node:crypto'

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567'
const RESERVED = '@'
/** Shorter than the id of a stream may be by what a prefix may take. */
const RUN_ID = /^(?!@)[\x21-\x7e]{1,500}$/

/** What the streams of all processes' mailboxes begin with. */
export const MAILBOXES = '@control/'

/** 128 random bits: 26 of `a-z2-7`. */
export function newRunId(): string {
  return base32(randomBytes(16))
}

export function isRunId(id: string): boolean {
  return typeof id === 'string' && RUN_ID.test(id)
}

/** Whether the id of a stream is one of Millrace's own: every door answers as if it did not exist. */
export function isReservedId(id: string): boolean {
  return id.startsWith(RESERVED)
}

/** The stream on which a process is told what others want of its runs. */
export function mailboxId(holder: string): string {
  return `${MAILBOXES}${holder}`
}

/** A stream for one input. */
export function newInputId(): string {
  return `@input/${newRunId()}`
}

/** The stream that lists the runs of an owner's chat. Of fixed length, and without what they are called. */
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
