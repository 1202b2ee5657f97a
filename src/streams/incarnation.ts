/** Draws what is to be told from others by chance alone: the incarnation of a stream, the stamp of an append. */
import { randomBytes } from 'node:crypto'

/** 10 of `0-9a-z`: 51 bits, and only two lives of one id must not meet. */
export function newIncarnation(): string {
  return randomBytes(8).readBigUInt64BE().toString(36).padStart(13, '0').slice(-10)
}

/** A decimal number of 31 bits: only two histories of one stream must not meet at the same position. */
export function newStamp(): string {
  return String(Math.floor(Math.random() * 2 ** 31))
}
