/** The answers to writes: each outcome of the store in the protocol's terms. */
import type { STREAM_ERRORS } from '../../../protocol/stream-errors.ts'
import type { ForkRefusal } from '../../../streams/forks.ts'
import type { AppendRequest, AppendResult, CreateResult } from '../../../streams/store.ts'
import type { Scope } from '../../../consumers/scope.ts'
import type { StreamAnswer } from '../stream-answer.ts'
import { Refusal } from '../refusal.ts'
import { streamHeaders } from '../stream-headers.ts'

/**
 * Tells a producer which seq was written. 200 says that its records were new; 204, that they were there already or
 * that there were none.
 *
 * @throws {Refusal} if nothing was written.
 */
export function answerAppend(
  result: AppendResult,
  { producer, records }: Pick<AppendRequest, 'producer' | 'records'>,
): StreamAnswer {
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
      return { status: producer && records && outcome === 'appended' ? 200 : 204, headers }
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
      throw new Refusal('content_type_differs', `The content type of the stream is ${result.contentType}.`)
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
      // No request over HTTP gives an `after`.
      throw new Error('The store answered `moved` to an append without `after`')
  }
}

/** @throws {Refusal} if the stream was not created, and does not exist as requested. */
export function answerCreate(result: CreateResult, scope: Scope<unknown>): StreamAnswer {
  switch (result.outcome) {
    case 'created':
    case 'exists': {
      const { contentType, tail, closed, end } = result.info
      const isNew = result.outcome === 'created'
      const headers = {
        ...streamHeaders({ next: tail, upToDate: false, closed, end }),
        'content-type': contentType,
        ...(isNew && { location: urlOf(scope) }),
      }
      return { status: isNew ? 201 : 200, headers }
    }
    // The same answer for both: only the owner may know which it is.
    case 'conflict':
    case 'retired':
      throw new Refusal('stream_differs')
    case 'no-fork':
      throw new Refusal(NO_FORK[result.reason])
  }
}

const NO_FORK = {
  missing: 'source_not_found',
  retired: 'source_retired',
  'content-type': 'content_type_differs',
  'past-end': 'fork_out_of_range',
  trimmed: 'fork_out_of_range',
  lost: 'fork_out_of_range',
  'too-deep': 'fork_too_deep',
} as const satisfies Record<ForkRefusal, keyof typeof STREAM_ERRORS>

/** The URL of the created stream, as its creator sees it. */
function urlOf({ scheme, host, rootPath, path }: Scope<unknown>): string {
  return `${scheme}://${host}${rootPath}${path}`
}
