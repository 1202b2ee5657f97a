/** The headers of an answer about a stream; the names are the Durable Streams protocol's. */
import { encodeOffset } from '../../protocol/offset.ts'
import type { Offset } from '../../protocol/offset.ts'

export interface StreamPlace {
  /** The place before the first record of the answer. */
  readonly from?: Offset | undefined
  readonly next: Offset
  /** `next` is the tail, as things stand. */
  readonly upToDate: boolean
  /** `next` is the end of a closed stream. */
  readonly closed: boolean
}

/** For every answer: what is somebody's own is kept by nobody on the way, and read by no other page. */
export const PRIVATE: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'same-origin',
}

/** Of the records of a stream of bytes that stand in JSON, as the Durable Streams protocol has it. */
export const BASE64: Readonly<Record<string, string>> = { 'stream-sse-data-encoding': 'base64' }

export function streamHeaders({ from, next, upToDate, closed }: StreamPlace): Record<string, string> {
  return {
    ...PRIVATE,
    ...(from && { 'stream-from-offset': encodeOffset(from) }),
    'stream-next-offset': encodeOffset(next),
    ...(upToDate && { 'stream-up-to-date': 'true' }),
    ...(closed && { 'stream-closed': 'true' }),
  }
}
