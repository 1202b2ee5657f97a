/** Checks the configuration of a new stream, as far as it does not depend on a stream's state. */
import type { StreamState } from './stream-state.ts'
import { StreamRequestError } from '../errors.ts'
import { isForkAt } from '../forks.ts'
import type { ForkSource } from '../forks.ts'
import type { LeaseRequest } from '../leases.ts'
import { checkListName } from './list-requests.ts'
import {
  checkContentType,
  checkId,
  checkInteger,
  checkLease,
  checkPlace,
  checkRecords,
  endText,
  isOwner,
  recordKindOf,
  MAX_MS,
  mediaTypeOf,
  metadataText,
} from './requests.ts'
import type { RecordKind } from './requests.ts'
import { checkRetention } from './retention.ts'
import type { KeptRetention } from './retention.ts'
import type { ConfigField, StreamConfig } from '../store.ts'
import type { StreamLimits, StreamRecord } from '../stream.ts'

interface CheckedParts {
  readonly owner: string | undefined
  readonly ttlMs: number | undefined
  readonly expiresAt: number | undefined
  readonly closed: boolean
  /** As JSON text. */
  readonly end: string | undefined
  /** As JSON text. */
  readonly metadata: string | undefined
  readonly records: readonly StreamRecord[]
  /** Of all records together. */
  readonly bytes: number
  readonly lease: LeaseRequest | undefined
  readonly retention: KeptRetention | undefined
  readonly listed: string | undefined
}

/** A valid configuration of a stream. */
export interface CheckedConfig extends CheckedParts {
  readonly contentType: string
  readonly from: undefined
}

/** A valid configuration of a fork. Content type and expiry default to the source's. */
export interface CheckedFork extends CheckedParts {
  readonly contentType: string | undefined
  /** The kind of its own first records; undefined without any. */
  readonly kind: RecordKind | undefined
  readonly from: ForkSource
}

export function checkConfig(config: StreamConfig, limits: StreamLimits): CheckedConfig | CheckedFork {
  const { contentType, owner, ttlMs, expiresAt, listed, closed = false, lease, from } = config
  if (contentType !== undefined) checkContentType(contentType)
  if (owner !== undefined && !isOwner(owner)) {
    throw new StreamRequestError('invalid_owner', 'An owner is 1 to 512 well-formed characters')
  }
  checkExpiry(ttlMs, expiresAt)
  if (listed !== undefined) checkListName(listed)
  if (lease) {
    checkLease(lease)
    if (closed) throw new StreamRequestError('invalid_lease', 'A stream that is created closed has no lease')
  }
  const { records, bytes, kind } = checkRecords(config.records ?? [], limits)
  const end = config.end === undefined ? undefined : endText(config.end, closed, limits)
  const metadata = metadataText(config.metadata, limits)
  const retention = config.retention && checkRetention(config.retention)
  const kept = { owner, ttlMs, expiresAt, closed, end, metadata, retention, listed }
  const parts = { ...kept, records, bytes, lease }
  if (from) {
    checkSource(from)
    return { ...parts, contentType, kind, from }
  }
  const type = contentType ?? 'application/json'
  if (kind !== undefined && kind !== recordKindOf(type)) {
    throw new StreamRequestError(
      'invalid_record',
      kind === 'json'
        ? 'Records of this content type are bytes'
        : 'Records of this content type are JSON text',
    )
  }
  return { ...parts, contentType: type, from }
}

function checkExpiry(ttlMs: number | undefined, expiresAt: number | undefined): void {
  if (ttlMs !== undefined && expiresAt !== undefined) {
    throw new StreamRequestError('invalid_expiry', 'A stream has a TTL or a time to expire at, not both')
  }
  // A TTL of 0 makes a stream that expires at once: the protocol allows it.
  if (ttlMs !== undefined) checkInteger(ttlMs, 0, MAX_MS, 'invalid_expiry', 'A TTL in milliseconds')
  if (expiresAt !== undefined) {
    const most = Number.MAX_SAFE_INTEGER
    checkInteger(expiresAt, 0, most, 'invalid_expiry', 'A time to expire at, in milliseconds')
  }
}

function checkSource({ id, offset, sub = 0 }: ForkSource): void {
  checkId(id)
  if (offset) checkPlace(offset)
  checkInteger(sub, 0, Number.MAX_SAFE_INTEGER, 'invalid_offset', 'What a fork has beyond its offset')
}

/** The first field in which an existing stream differs from a configuration; undefined if it matches. */
export function configDifference(
  state: StreamState,
  config: CheckedConfig | CheckedFork,
): ConfigField | undefined {
  const { contentType, owner, ttlMs, expiresAt, closed, from } = config
  if (contentType !== undefined && mediaTypeOf(state.contentType) !== mediaTypeOf(contentType))
    return 'contentType'
  if (state.owner !== owner) return 'owner'
  // A fork without its own expiry has its source's.
  if (!from || ttlMs !== undefined || expiresAt !== undefined) {
    if (state.ttlMs !== ttlMs) return 'ttlMs'
    // With a TTL, the expiry in the state moves, and was not configured.
    if (state.ttlMs === undefined && state.expiresAt !== expiresAt) return 'expiresAt'
  }
  if (!isForkAt(state.forkedFrom, from)) return 'from'
  return state.closed === closed ? undefined : 'closed'
}
