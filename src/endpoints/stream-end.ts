/** How a closed stream ended, as its last record says. */
import type { Json } from '../protocol/json.ts'
import { type RunEnd, readRunEnd } from '../protocol/run-end.ts'
import type { StreamRecord } from '../streams/store.ts'

/** The end of a run, or `closed` for a stream that is none. */
export type StreamEnd = RunEnd | { readonly status: 'closed' }

export function streamEnd(last: StreamRecord | undefined): StreamEnd {
  // The store made sure that a text is JSON.
  const end = typeof last === 'string' ? readRunEnd(JSON.parse(last) as Json) : undefined
  return end ?? { status: 'closed' }
}
