/** `GET {prefix}`: the streams of whoever asks, in the order of their ids, page by page. */
import { HttpError } from '../../protocol/errors.ts'
import type { RunStatus } from '../../protocol/run-end.ts'
import { readRunRecord } from '../../runs/run-record.ts'
import type { StreamInfo, StreamStore } from '../../streams/store.ts'
import type { StreamAccess } from '../stream-access.ts'
import type { Exchange } from './exchange.ts'

export interface ListedStream {
  readonly id: string
  /** That of the run; a stream that is none is `open` or `closed`. */
  readonly status: RunStatus | 'open' | 'closed'
  /** Why the run ended; see `RunEnd`. */
  readonly reason?: string
  /** How many it holds; of a run that ended, with the one that says so. */
  readonly records: number
  readonly contentType: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly expiresAt?: number
}

export interface StreamListPage {
  readonly streams: readonly ListedStream[]
  /** What to send as `after` for the next page, when there may be one. */
  readonly next?: string
}

/**
 * One page of a store, less what is not the asker's: it may hold fewer streams than were asked for, or
 * none, and still have a next one. So each request costs the same, however many there are of others.
 */
export async function listStreams(
  store: Pick<StreamStore, 'list'>,
  access: StreamAccess,
  query: URLSearchParams,
  { scope: { user }, signal }: Pick<Exchange, 'scope' | 'signal'>,
): Promise<StreamListPage> {
  const limit = limitOf(query)
  const [prefix, after, owner] = [query.get('prefix'), query.get('after'), access.ownerOf(user)]
  const { streams, next } = await store.list({
    limit,
    signal,
    ...(prefix && { prefix }),
    ...(after && { after }),
    ...(owner !== undefined && { owner }),
  })
  const own = streams.filter((info) => access.allows(info, user))
  return { streams: own.map(listed), ...(next !== undefined && { next }) }
}

function listed(info: StreamInfo): ListedStream {
  const { id, closed, tail, contentType, createdAt, expiresAt } = info
  const { status, reason } = readRunRecord(info) ?? { status: closed ? 'closed' : 'open' }
  return {
    id,
    status,
    ...(reason !== undefined && { reason }),
    records: tail.position,
    contentType,
    createdAt,
    ...(expiresAt !== undefined && { expiresAt }),
  }
}

function limitOf(query: URLSearchParams): number {
  const text = query.get('limit') ?? '100'
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > 1000) throw new HttpError('bad_request', 'limit is a whole number from 1 to 1000.')
  return limit
}
