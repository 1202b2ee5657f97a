/** From a user, whatever `authenticate` makes of one, to the name by which what is theirs is known. */
import type { User } from '../consumers/scope.ts'
import { isOwner } from '../streams/bookkeeping/requests.ts'

/**
 * Says who a user is, in the terms of stream owners: a text of 1 to 512 characters. A user for whom it
 * says anything else is refused, with 403: nothing is read or started for whom nobody knows.
 */
export type OwnerOf = (user: User & {}) => string | undefined

/** What `ownerOf` said, when it names somebody. */
export function nameIn(owner: unknown): string | undefined {
  return typeof owner === 'string' && isOwner(owner) ? owner : undefined
}

/** A user that is a text or a number, or the `id` of an object that is one of them. */
export const defaultOwnerOf: OwnerOf = (user: unknown) => {
  if (typeof user !== 'object' || user === null) return nameOf(user)
  return 'id' in user ? nameOf(user.id) : undefined
}

function nameOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'bigint' || Number.isFinite(value) ? String(value) : undefined
}

/** Whether there is no authentication: whoever there is, is nobody. */
export function nobodyAsked(user: User | undefined): boolean {
  return user === undefined || user === null
}
