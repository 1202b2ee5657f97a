/** The state of a stream, as its fields in Redis say. */
import type { Reply } from '../../redis/open-client.ts'
import type { StreamState } from '../bookkeeping.ts'
import type { LeaseState } from '../lease-bookkeeping.ts'

/** @param fields in the order of `STATE_FIELDS`. */
export function parseState(fields: Reply): StreamState {
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
  ] = texts
  return {
    incarnation,
    contentType,
    owner,
    metadata,
    checkpoint,
    createdAt: Number(createdAt),
    ttlMs: numberOf(ttlMs),
    expiresAt: numberOf(expiresAt),
    tail: Number(tail),
    closed: closed !== undefined,
    closedBy: by === undefined ? undefined : producerOf(by),
    streamSeq: seq,
    closedWith,
    leased: lease !== undefined,
  }
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
