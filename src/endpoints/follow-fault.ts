/** The error for a reader whose stream cannot be followed any further, at every endpoint that has error codes. */
import type { FollowEnd } from '../delivery/reader.ts'
import type { Offset } from '../protocol/offset.ts'
import { type EndpointErrorCode, REFUSED_OFFSETS } from '../protocol/stream-errors.ts'

export interface FollowFault {
  readonly code: EndpointErrorCode
  /** With `offset_trimmed`: the offset from which the stream can be read. */
  readonly first?: Offset
}

export function followFault(
  end: Extract<FollowEnd, { type: 'missing' | 'refused' | 'failed' }>,
): FollowFault {
  switch (end.type) {
    case 'missing':
      return { code: 'stream_not_found' }
    case 'refused':
      return { code: REFUSED_OFFSETS[end.reason], ...(end.reason === 'trimmed' && { first: end.first }) }
    case 'failed':
      return { code: 'store_failed' }
  }
}
