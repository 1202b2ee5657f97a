/** `GET {prefix}`: the streams of the client, in the order of their ids, page by page. */
import { HttpError } from '../../../protocol/errors.ts'
import type { Json } from '../../../protocol/json.ts'
import { type RunStatus, readRunEnd } from '../../../protocol/run-end.ts'
import { readRunRecord } from '../../../runs/records/run-record.ts'
import type { StreamStore } from '../../../streams/store.ts'
import type { StreamInfo } from '../../../streams/stream.ts'
import type { StreamAccess } from '../../stream-access.ts'
import type { Exchange } from '../exchange.ts'

export interface ListedStream {
  readonly id: string
  /** The status of the run; `open` or `closed` for a stream that is not a run. */
  readonly status: RunStatus | 'open' | 'closed'
  /** What it was closed with: the end of a run. */
  readonly end?: Json
  /** Number of records. */
  readonly records: number
  readonly contentType: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly expiresAt?: number
}

export interface StreamListPage {
  readonly streams: readonly ListedStream[]
  /** The `after` of the next page, if there may be one. */
  readonly next?: string
}

/** The last reserved id. */
const END_OF_RESERVED = `@${'~'.repeat(511)}`

/** Most streams per page of the store. */
const PAGE = 1000

/**
 * The client's streams, as many as requested. Pages of the store are read until enough are found. The next page
 * begins at the id of one of them, so it reveals nothing about other streams.
 */
export async function listStreams(
  store: Pick<StreamStore, 'list'>,
  access: StreamAccess,
  query: URLSearchParams,
  { scope: { user }, signal }: Pick<Exchange, 'scope' | 'signal'>,
): Promise<StreamListPage> {
  const limit = limitOf(query)
  const [prefix, owner] = [query.get('prefix'), access.ownerOf(user)]
  const own: StreamInfo[] = []
  let after = query.get('after')
  for (let size = limit + 1; ; size *= 4) {
    const { streams, next } = await store.list({
      limit: Math.min(size, PAGE),
      signal,
      ...(prefix && { prefix }),
      ...(after && { after }),
      owner: owner ?? null,
    })
    for (const info of streams) if (access.allows(info, user)) own.push(info)
    if (own.length > limit || next === undefined) break
    signal.throwIfAborted()
    // There may be many reserved streams, and no client may see them.
    after = next.startsWith('@') ? END_OF_RESERVED : next
  }
  const shown = own.slice(0, limit)
  const last = own.length > limit ? shown.at(-1) : undefined
  return { streams: shown.map(listed), ...(last && { next: last.id }) }
}

function listed(info: StreamInfo): ListedStream {
  const { id, tail, end, contentType, createdAt, expiresAt } = info
  return {
    id,
    status: statusOf(info),
    ...(end !== undefined && { end }),
    records: tail.position,
    contentType,
    createdAt,
    ...(expiresAt !== undefined && { expiresAt }),
  }
}

function statusOf(info: StreamInfo): ListedStream['status'] {
  const record = readRunRecord(info)
  if (record) return record.end?.status ?? 'running'
  return info.closed ? (readRunEnd(info.end)?.status ?? 'closed') : 'open'
}

function limitOf(query: URLSearchParams): number {
  const text = query.get('limit') ?? '100'
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > 1000) throw new HttpError('bad_request', 'limit is a whole number from 1 to 1000.')
  return limit
}
