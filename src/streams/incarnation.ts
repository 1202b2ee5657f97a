/** Draws the incarnation of a new stream. */
import { randomBytes } from 'node:crypto'

/** 10 of `0-9a-z`: 51 bits, and only two lives of one id must not meet. */
export function newIncarnation(): string {
  return randomBytes(8).readBigUInt64BE().toString(36).padStart(13, '0').slice(-10)
}
