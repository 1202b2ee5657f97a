/** The headers of an answer about a stream; the names are the Durable Streams protocol's. */
import { encodeOffset } from '../../protocol/offset.ts'
import type { Json } from '../../protocol/json.ts'
import type { Offset } from '../../protocol/offset.ts'

export interface StreamPlace {
  /** The place before the first record of the answer. */
  readonly from?: Offset | undefined
  readonly next: Offset
  /** `next` is the tail, as things stand. */
  readonly upToDate: boolean
  /** `next` is the end of a closed stream. */
  readonly closed: boolean
  /** What that is closed with. */
  readonly end?: Json | undefined
  /** Of a live answer. A closed stream has none: nobody asks on. */
  readonly cursor?: number | undefined
}

/** For every answer that says nothing else: it is kept by nobody on the way, and read by no other page. */
export const PRIVATE: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
}

/** Of the records of a stream of bytes that stand in JSON, as the Durable Streams protocol has it. */
export const BASE64: Readonly<Record<string, string>> = { 'stream-sse-data-encoding': 'base64' }

/** Before the first record that is kept. */
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

/** JSON that a header can hold; it has no control characters anyway. */
function asciiText(value: Json): string {
  const escape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(value).replace(/[^ -~]/g, escape)
}
