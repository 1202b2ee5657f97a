/** Maps errors of Redis and its connection to the errors of a stream store. */
import type { ConnectionErrors } from '../../redis/connection.ts'
import { RedisRefusedError } from '../../redis/open-client.ts'
import { StoreError } from '../errors.ts'
import type { StoreErrorCode } from '../errors.ts'

/** First words of Redis's errors. Other errors that do not concern the request are temporary. */
const BY_KIND: Readonly<Record<string, StoreErrorCode>> = {
  OOM: 'full',
  // It cannot save its snapshots, usually because the disk is full.
  MISCONF: 'full',
  READONLY: 'unavailable',
  LOADING: 'unavailable',
  MASTERDOWN: 'unavailable',
  NOREPLICAS: 'unavailable',
  CLUSTERDOWN: 'unavailable',
  TRYAGAIN: 'unavailable',
  MOVED: 'unavailable',
  ASK: 'unavailable',
  BUSY: 'unavailable',
  UNBLOCKED: 'unavailable',
  NOAUTH: 'cannot_open',
  WRONGPASS: 'cannot_open',
  NOPERM: 'cannot_open',
  WRONGTYPE: 'not_a_store',
}

export const CONNECTION_ERRORS: ConnectionErrors = {
  closed: () => new StoreError('closed', 'The stream store is closed'),
  unavailable(what, uncertain, cause) {
    const code = cause instanceof RedisRefusedError ? (BY_KIND[cause.kind] ?? 'failed') : 'unavailable'
    const reason = cause instanceof Error && !what.includes(cause.message) ? ` (${reasonOf(cause)})` : ''
    const after = uncertain ? '; what was asked may have been done' : ''
    return new StoreError(code, `The stream store cannot work: ${what}${reason}${after}`, { cause })
  },
}

/** An attempt at several addresses has a code but no message. */
function reasonOf(cause: Error): string {
  return cause.message || ('code' in cause ? String(cause.code) : cause.name)
}
