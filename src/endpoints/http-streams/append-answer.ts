/** What an append, or a creation, is answered with: each outcome of the store in the protocol's terms. */
import type { AppendRequest, AppendResult } from '../../streams/store.ts'
import { Refusal } from './refusal.ts'
import { streamHeaders } from './stream-headers.ts'

/**
 * Tells a producer which seq was kept, and by 200 that its records were new; 204 says that they were there, or
 * that there were none.
 *
 * @throws {Refusal} for what nothing was kept of.
 */
export function answerAppend(
  result: AppendResult,
  { producer, records }: Pick<AppendRequest, 'producer' | 'records'>,
): Response {
  switch (result.outcome) {
    case 'appended':
    case 'duplicate': {
      const { offset, closed, outcome } = result
      const end = outcome === 'duplicate' ? result.end : undefined
      const lastSeq = outcome === 'duplicate' ? result.lastSeq : producer?.seq
      const headers = {
        ...streamHeaders({ next: offset, upToDate: false, closed, end }),
        ...(producer && { 'producer-epoch': String(producer.epoch) }),
        ...(producer && lastSeq !== undefined && { 'producer-seq': String(lastSeq) }),
      }
      return new Response(null, {
        status: producer && records && outcome === 'appended' ? 200 : 204,
        headers,
      })
    }
    case 'missing':
      throw new Refusal('stream_not_found')
    case 'closed': {
      const { offset, end } = result
      throw new Refusal(
        'stream_closed',
        undefined,
        streamHeaders({ next: offset, upToDate: false, closed: true, end }),
      )
    }
    case 'leased':
      throw new Refusal('stream_leased')
    case 'content-type':
      throw new Refusal('content_type_differs', `The stream is of ${result.contentType}.`)
    case 'fenced':
      throw new Refusal('producer_fenced', undefined, { 'producer-epoch': String(result.epoch) })
    case 'epoch-start':
      throw new Refusal('producer_epoch_start')
    case 'gap':
      throw new Refusal('producer_gap', undefined, {
        'producer-expected-seq': String(result.expectedSeq),
        'producer-received-seq': String(result.receivedSeq),
      })
    case 'stream-seq':
      throw new Refusal('stream_seq_behind')
    case 'moved':
      // No request over HTTP names the place that it is to follow.
      throw new Error('An append that named no place was answered moved')
  }
}
