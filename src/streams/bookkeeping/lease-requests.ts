/** Checks requests about expired leases, as `requests.ts` does those about streams. */
import type { Json } from '../../protocol/json.ts'
import type { ExpiredOptions } from '../leases.ts'
import { checkId, checkInteger, textWithin } from './requests.ts'
import type { StreamLimits } from '../stream.ts'

/** A page of expired leases. */
export type CheckedExpired = Required<Pick<ExpiredOptions, 'limit' | 'after'>>

const BEFORE_ALL: CheckedExpired['after'] = { expiresAt: -1, stream: '' }

/** @throws {StreamRequestError} `invalid_limit`, or `invalid_lease` for an invalid `after`. */
export function checkExpired({ limit = 100, after }: ExpiredOptions): CheckedExpired {
  checkInteger(limit, 1, 1000, 'invalid_limit', 'The leases of a page')
  if (!after) return { limit, after: BEFORE_ALL }
  checkId(after.stream)
  checkInteger(after.expiresAt, 0, Number.MAX_SAFE_INTEGER, 'invalid_lease', 'The end of a lease')
  return { limit, after }
}

/** @throws {StreamRequestError} `invalid_owes` if it is larger than what a close may leave owed. */
export function checkLeft(
  left: Json | undefined,
  { checkpointBytes }: Pick<StreamLimits, 'checkpointBytes'>,
): string | undefined {
  return left === undefined
    ? undefined
    : textWithin(left, checkpointBytes, 'invalid_owes', 'What is left owed')
}
