/** The headers of an answer about a stream, named by the Durable Streams protocol. */
import { encodeOffset } from '../../protocol/offset.ts'
import type { Json } from '../../protocol/json.ts'
import type { Offset } from '../../protocol/offset.ts'

export interface StreamPlace {
  /** The place before the first record of the answer. */
  readonly from?: Offset | undefined
  readonly next: Offset
  /** Whether `next` is the tail at present. */
  readonly upToDate: boolean
  /** Whether Whether `next` is the end of a closed stream. */
  readonly closed: boolean
  /** What the stream was closed with. */
  readonly end?: Json | undefined
  /** Of a live answer. A closed stream has none, as there is no next request. */
  readonly cursor?: number | undefined
}

/** The default for every answer: not cached on the way, and not readable by other sites. */
export const PRIVATE: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
}

/** Marks records of bytes written as base64, as in the Durable Streams protocol. */
export const BASE64: Readonly<Record<string, string>> = { 'stream-sse-data-encoding': 'base64' }

/** The place before the first record that is kept. */
export const FIRST_OFFSET = 'stream-first-offset'

export function streamHeaders({
  from,
  next,
  upToDate,
  closed,
  end,
  cursor,
}: StreamPlace): Record<string, string> {
  return {
    ...PRIVATE,
    ...(from && { 'stream-from-offset': encodeOffset(from) }),
    'stream-next-offset': encodeOffset(next),
    ...(upToDate && { 'stream-up-to-date': 'true' }),
    ...(cursor !== undefined && !closed && { 'stream-cursor': String(cursor) }),
    ...(closed && { 'stream-closed': 'true' }),
    ...(closed && end !== undefined && { 'stream-end': asciiText(end) }),
  }
}

/** JSON in ASCII, for a header. JSON has no control characters. */
function asciiText(value: Json): string {
  const escape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(value).replace(/[^ -~]/g, escape)
}
