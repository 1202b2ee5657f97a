/**
 * What the scripts publish to the channel of a stream: a line, then the end of a closed stream, then the records if
 * they are small.
 *
 *     append <incarnation> <from> <next> <closed> <stamp> <kind> <length of the end> <length>,<length>,…
 *     gone <incarnation> <reason>
 *     look
 */
import type { Json } from '../../../protocol/json.ts'
import type { RecordKind } from '../../bookkeeping/requests.ts'
import type { StreamRecord } from '../../stream.ts'

export type LiveMessage =
  | {
      readonly type: 'append'
      readonly incarnation: string
      readonly from: number
      readonly next: number
      readonly closed: boolean
      /** What it was closed with. */
      readonly end: Json | undefined
      /** See stream-scripts.ts. */
      readonly stamp: string
      /** Undefined if they were too large to be published, and must be read. */
      readonly records: readonly StreamRecord[] | undefined
    }
  | { readonly type: 'gone'; readonly incarnation: string; readonly reason: 'deleted' | 'expired' | 'lost' }
  /** The stream must be read. */
  | { readonly type: 'look' }

/** Most bytes of an append's records that are published. */
export const PUBLISHED_BYTES = 64 * 1024

/** Any other message is taken as a reason to read the stream. */
export function readMessage(message: Buffer): LiveMessage {
  const end = message.indexOf(10)
  const [type, incarnation = '', ...rest] = message
    .toString('latin1', 0, end === -1 ? undefined : end)
    .split(' ')
  if (type === 'gone') {
    const [reason] = rest
    return { type, incarnation, reason: reason === 'expired' || reason === 'lost' ? reason : 'deleted' }
  }
  const [from, next, closed, stamp = '', kind, endLength, lengths = ''] = rest
  if (type !== 'append' || end === -1) return { type: 'look' }
  const range = { from: Number(from), next: Number(next) }
  const behindEnd = end + 1 + Number(endLength)
  if (!Number.isSafeInteger(range.from + range.next + behindEnd)) return { type: 'look' }
  const records =
    range.from === range.next
      ? []
      : lengths === ''
        ? undefined
        : cut(
            message.subarray(behindEnd),
            lengths.split(',').map(Number),
            kind === 'bytes' ? 'bytes' : 'json',
          )
  const text = message.toString('utf8', end + 1, behindEnd)
  const closedWith = text === '' ? undefined : (JSON.parse(text) as Json)
  return { type, incarnation, ...range, closed: closed === '1', end: closedWith, stamp, records }
}

function cut(body: Buffer, lengths: readonly number[], kind: RecordKind): StreamRecord[] {
  let start = 0
  return lengths.map((length) => recordOf(body.subarray(start, (start += length)), kind))
}

/** A record as returned by Redis. */
export function recordOf(bytes: Buffer, kind: RecordKind): StreamRecord {
  return kind === 'json' ? bytes.toString() : Uint8Array.from(bytes)
}
