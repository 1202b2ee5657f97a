/**
 * Offsets: the place after a record. Pure; the browser's client reads them, too.
 *
 * A token is the position in 16 digits, an underscore and a stamp: `0000000000000042_k3j9x2a1bc` is the place
 * after the 42nd record, in a log where that record has this stamp. Each append draws a random stamp, so that
 * an offset identifies the history before it. An offset of another log, of a log that was deleted and created
 * again, or of one that lost its tail is recognised. Position 0 is the start of any history. Because of the
 * fixed width, tokens of one stream sort like its records, byte by byte; 16 digits hold every integer that
 * JavaScript counts exactly.
 *
 * A place between two records that came together has the stamp of a later one:
 * `0000000000000040_k3j9x2a1bc.2` is position 40 of the log that has this stamp two records later.
 *
 * The same token works at every endpoint. Positions count from the creation of a stream, including trimmed
 * records, and have no gaps: after position n comes n + 1.
 */

/** A place in one history of a stream. */
export interface Offset {
  /** The number of records before this place; 0 is the start. */
  readonly position: number
  /**
   * The stamp of the record before this place, or of one `ahead`: 1 to 32 of `0-9a-z`. Ignored at position 0.
   */
  readonly stamp: string
  /** How many records later the one with the stamp is. Absent when it is the record before this place. */
  readonly ahead?: number
}

/**
 * Where a read begins: before the first record that is kept (`start`), after the last one (`now`), after an
 * offset, at a position, or before a number of last records. The last two are internal: they identify no
 * history, and no endpoint accepts them.
 */
export type Place = Offset | 'start' | 'now' | { readonly position: number } | { readonly last: number }

/** A place that a reader may ask for. */
export type AskedPlace = Offset | 'start' | 'now'

/** Thrown for a malformed offset. The message does not quote it. */
export class OffsetError extends Error {
  override readonly name = 'OffsetError'
  readonly code = 'invalid_offset'

  constructor() {
    super(
      'The offset is malformed: send back one that the server gave, or -1 for the start, or now for the end',
    )
  }
}

/** The start of any stream. */
export const START: Offset = { position: 0, stamp: '0' }

const DIGITS = 16
const TOKEN = /^(\d{16})_([0-9a-z]{1,32})(?:\.([1-9]\d{0,15}))?$/
const STAMP = /^[0-9a-z]{1,32}$/

/**
 * Leading zeros by the number of digits. A table, because every frame has two tokens and padding is slower.
 */
const LEADING = Array.from({ length: DIGITS + 1 }, (_, digits) => '0'.repeat(DIGITS - digits))

/** Whether a text can be the stamp of an append. */
export function isStamp(text: string): boolean {
  return STAMP.test(text)
}

/** The token of an offset: url-safe, at most 66 characters, none of `,&=?/`. */
export function encodeOffset({ position, stamp, ahead }: Offset): string {
  const digits = `${position}`
  const token = `${LEADING[digits.length]}${digits}_${stamp}`
  return ahead ? `${token}.${ahead}` : token
}

/**
 * Reads a token.
 *
 * @throws {OffsetError} for anything that `encodeOffset` cannot have written.
 */
export function decodeOffset(token: string): Offset {
  const match = TOKEN.exec(token)
  const position = Number(match?.[1])
  const ahead = Number(match?.[3] ?? 0)
  const stamp = match?.[2]
  if (stamp === undefined || !Number.isSafeInteger(position + ahead)) throw new OffsetError()
  return ahead > 0 ? { position, stamp, ahead } : { position, stamp }
}

/** Whether a place and an offset of the same log are the same, as far as they tell. */
export function isAt(place: Place, { position, stamp, ahead = 0 }: Offset): boolean {
  if (place === 'start') return position === 0
  if (typeof place === 'string' || !('stamp' in place) || place.position !== position) return false
  return position === 0 || (place.stamp === stamp && (place.ahead ?? 0) === ahead)
}

/** The place at a position before `next`, in the history of `next`. */
export function offsetBefore(next: Offset, position: number): Offset {
  const ahead = next.position - position + (next.ahead ?? 0)
  return ahead > 0 ? { position, stamp: next.stamp, ahead } : next
}

/**
 * Reads an offset of a request: a token, `-1` or nothing for the start, `now` for the tail. (`-1` and `now`
 * come from the Durable Streams protocol; no token equals them.)
 *
 * @throws {OffsetError} for anything else.
 */
export function parsePlace(text: string | null | undefined): AskedPlace {
  if (text === null || text === undefined || text === '-1') return 'start'
  return text === 'now' ? 'now' : decodeOffset(text)
}
