/**
 * Offsets: the place after a record. Pure; the browser's client reads them too.
 *
 * A token is the position as 16 digits, an underscore, and the incarnation of the stream:
 * `0000000000000042_k3j9x2a1bc` lies after the 42nd record. Fixed width makes the order of the
 * tokens of one stream the order of its records, byte by byte; 16 digits hold every integer that
 * JavaScript counts exactly. The incarnation is drawn when a stream is created, so that an offset of
 * another stream, of one deleted and created anew, or of a log that lost its tail is recognised.
 *
 * The same token works at every door. Positions have no gaps: after position n comes n + 1.
 */

/** A place in one incarnation of a stream. */
export interface Offset {
  /** 8 to 32 of `0-9a-z`, drawn at random when the stream was created. */
  readonly incarnation: string
  /** How many records lie before this place: 0 is the start. */
  readonly position: number
}

/** Where a read begins: after an offset, before the first record, or after the last one. */
export type Place = Offset | 'start' | 'now'

/** Thrown for a text that is no offset. The message quotes nothing of it. */
export class OffsetError extends Error {
  override readonly name = 'OffsetError'
  readonly code = 'invalid_offset'

  constructor() {
    super(
      'The offset is malformed: send back one that the server gave, or -1 for the start, or now for the end',
    )
  }
}

const DIGITS = 16
const TOKEN = /^(\d{16})_([0-9a-z]{8,32})$/
const INCARNATION = /^[0-9a-z]{8,32}$/

/** What stands before so many digits. Looked up: two tokens go with every frame, and padding costs more. */
const LEADING = Array.from({ length: DIGITS + 1 }, (_, digits) => '0'.repeat(DIGITS - digits))

/** Whether a text can be the incarnation of a stream. */
export function isIncarnation(text: string): boolean {
  return INCARNATION.test(text)
}

/** The token of an offset: url-safe, at most 49 characters, none of `,&=?/`. */
export function encodeOffset(offset: Offset): string {
  const digits = `${offset.position}`
  return `${LEADING[digits.length]}${digits}_${offset.incarnation}`
}

/**
 * Reads a token.
 *
 * @throws {OffsetError} for anything that `encodeOffset` cannot have written.
 */
export function decodeOffset(token: string): Offset {
  const match = TOKEN.exec(token)
  const position = Number(match?.[1])
  const incarnation = match?.[2]
  if (incarnation === undefined || !Number.isSafeInteger(position)) throw new OffsetError()
  return { incarnation, position }
}

/**
 * Reads an offset as a reader writes it: a token, `-1` or nothing for the start, `now` for the tail.
 * (`-1` and `now` are the Durable Streams protocol's words; no token can equal either.)
 *
 * @throws {OffsetError} for anything else.
 */
export function parsePlace(text: string | null | undefined): Place {
  if (text === null || text === undefined || text === '-1') return 'start'
  return text === 'now' ? 'now' : decodeOffset(text)
}

/**
 * Below zero when `a` lies before `b`, zero for the same place, above zero when it lies behind;
 * undefined for offsets of two incarnations, which have no order.
 */
export function compareOffsets(a: Offset, b: Offset): number | undefined {
  return a.incarnation === b.incarnation ? a.position - b.position : undefined
}
