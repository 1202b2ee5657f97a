/** The headers of a `POST` to a stream. */
import { HttpError } from '../../../protocol/errors.ts'
import { LEASE_PRODUCER } from '../../../streams/leases.ts'
import type { AppendRequest, Producer } from '../../../streams/store.ts'
import { saysClosed } from './creation.ts'

const WHOLE = /^(?:0|[1-9]\d{0,15})$/

/** The request without its records and their content type. @throws {HttpError} `bad_request`, naming the header. */
export function appendOf(headers: Headers): AppendRequest {
  const producer = producerOf(headers)
  const streamSeq = headers.get('stream-seq')
  return {
    ...(producer && { producer }),
    ...(streamSeq !== null && { streamSeq }),
    ...(saysClosed(headers) && { close: true }),
  }
}

function producerOf(headers: Headers): Producer | undefined {
  const id = headers.get('producer-id')
  const epoch = headers.get('producer-epoch')
  const seq = headers.get('producer-seq')
  if (id === null && epoch === null && seq === null) return undefined
  if (id === null || epoch === null || seq === null) {
    throw new HttpError('bad_request', 'Producer-Id, Producer-Epoch and Producer-Seq come together.')
  }
  // This producer belongs to the holder of the lease; its epoch is the lease's.
  if (id === LEASE_PRODUCER) throw new HttpError('bad_request', 'This Producer-Id cannot be used.')
  return { id, epoch: numberIn('Producer-Epoch', epoch), seq: numberIn('Producer-Seq', seq) }
}

function numberIn(header: string, text: string): number {
  const number = WHOLE.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(number)) return number
  throw new HttpError('bad_request', `${header} is a whole number from 0 to 9007199254740991.`)
}
