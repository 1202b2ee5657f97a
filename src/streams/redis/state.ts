/** Parses the state of a stream from its fields in Redis. */
import type { Reply } from '../../redis/open-client.ts'
import { START } from '../../protocol/offset.ts'
import type { Offset } from '../../protocol/offset.ts'
import type { StreamState } from '../bookkeeping/stream-state.ts'
import type { ForkPoint } from '../forks.ts'
import type { LeaseState } from '../bookkeeping/lease-bookkeeping.ts'

/** A place in one incarnation of a stream. */
export interface IncarnatePlace {
  readonly incarnation: string
  readonly at: Offset
}

/** A fork that is gone for good, and where it was forked: its mark must be removed from its source. */
export interface GoneFork {
  readonly id: string
  readonly token: string
  readonly point: ForkPoint
}

/**
 * @param fields in the order of `FIELDS`.
 * @param stamp of the last record.
 */
export function parseState(fields: Reply, stamp: Reply): StreamState {
  const texts = (fields as readonly Reply[]).map((field) => (field === null ? undefined : String(field)))
  const [
    incarnation = '',
    contentType = '',
    owner,
    metadata,
    createdAt,
    ttlMs,
    expiresAt,
    tail,
    closed,
    by,
    seq,
    closedWith,
    checkpoint,
    lease,
    first,
    retention,
    point,
    list,
  ] = texts
  const [firstPosition, firstStamp = START.stamp] = first?.split(' ') ?? []
  return {
    incarnation,
    contentType,
    owner,
    metadata,
    checkpoint,
    createdAt: Number(createdAt),
    ttlMs: numberOf(ttlMs),
    expiresAt: numberOf(expiresAt),
    first: Number(firstPosition ?? 0),
    firstStamp,
    tail: Number(tail),
    stamp: String(stamp),
    closed: closed !== undefined,
    closedBy: by === undefined ? undefined : producerOf(by),
    streamSeq: seq,
    closedWith,
    leased: lease !== undefined,
    retention: retention === undefined ? undefined : retentionOf(retention),
    // After the owner.
    listed: list?.slice(list.indexOf(' ') + 1),
    forkedFrom: point === undefined ? undefined : (JSON.parse(point) as ForkPoint),
  }
}

/** `age bytes`, 0 for none. */
function retentionOf(text: string): StreamState['retention'] {
  const [ageMs, bytes] = text.split(' ').map((number) => Number(number) || undefined)
  return { ageMs, bytes }
}

/** `epoch ttl end holder`. */
export function parseLease(text: Reply): LeaseState {
  const [epoch, ttlMs, expiresAt, holder = ''] = String(text).split(' ')
  return { holder, epoch: Number(epoch), ttlMs: Number(ttlMs), expiresAt: Number(expiresAt) }
}

function producerOf(text: string): StreamState['closedBy'] {
  const [epoch, seq, id = ''] = text.split(' ')
  return { id, epoch: Number(epoch), seq: Number(seq) }
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}
