/**
 * Offsets: the place after a record. Pure; the browser's client reads them too.
 *
 * A token is the position as 16 digits, an underscore and a stamp: `0000000000000042_k3j9x2a1bc` lies
 * after the 42nd record, in a log where the record before it has this stamp. A stamp is drawn at random
 * when records are written, so that an offset names the history before it: what is asked of another log,
 * of one that was deleted and created anew, or of one that lost its tail is recognised. Position 0 is the
 * start, whatever follows it. Fixed width makes the order of the tokens of one stream the order of its
 * records, byte by byte; 16 digits hold every integer that JavaScript counts exactly.
 *
 * A place between two records that came together is named by the stamp of a later one:
 * `0000000000000040_k3j9x2a1bc.2` is position 40 of the log that has this stamp two records further on.
 *
 * The same token works at every door. Positions count from the creation of a stream, records that were
 * trimmed included, and have no gaps: after position n comes n + 1.
 */

/** A place in one history of a stream. */
export interface Offset {
  /** How many records lie before this place: 0 is the start. */
  readonly position: number
  /** 1 to 32 of `0-9a-z`: the stamp of the record before this place, or of one `ahead`. At 0 it means nothing. */
  readonly stamp: string
  /** How many records further on the one lies that has the stamp. None: it is the record before this place. */
  readonly ahead?: number
}

/**
 * Where a read begins: before the first record that is kept, after the last one, after an offset, before so many
 * of the last records, or at a position, whatever the history before it. The last two are for the inside: they
 * prove nothing, and no door takes them.
 */
export type Place = Offset | 'start' | 'now' | { readonly position: number } | { readonly last: number }

/** What a reader may ask for. */
export type AskedPlace = Offset | 'start' | 'now'

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

/** Before the first record of any stream. */
export const START: Offset = { position: 0, stamp: '0' }

const DIGITS = 16
const TOKEN = /^(\d{16})_([0-9a-z]{1,32})(?:\.([1-9]\d{0,15}))?$/
const STAMP = /^[0-9a-z]{1,32}$/

/** What stands before so many digits. Looked up: two tokens go with every frame, and padding costs more. */
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

/** Whether a place is where an offset of the same log lies, as far as the two say. */
export function isAt(place: Place, { position, stamp, ahead = 0 }: Offset): boolean {
  if (place === 'start') return position === 0
  if (typeof place === 'string' || !('stamp' in place) || place.position !== position) return false
  return position === 0 || (place.stamp === stamp && (place.ahead ?? 0) === ahead)
}

/** The place at a position up to `next`, where the history up to `next` is known. */
export function offsetBefore(next: Offset, position: number): Offset {
  const ahead = next.position - position + (next.ahead ?? 0)
  return ahead > 0 ? { position, stamp: next.stamp, ahead } : next
}

/**
 * Reads an offset as a reader writes it: a token, `-1` or nothing for the start, `now` for the tail.
 * (`-1` and `now` are the Durable Streams protocol's words; no token can equal either.)
 *
 * @throws {OffsetError} for anything else.
 */
export function parsePlace(text: string | null | undefined): AskedPlace {
  if (text === null || text === undefined || text === '-1') return 'start'
  return text === 'now' ? 'now' : decodeOffset(text)
}
