/** Maps a user, as returned by `authenticate`, to the name of an owner. */
import type { User } from '../consumers/scope.ts'
import { isOwner } from '../streams/bookkeeping/requests.ts'

/**
 * Returns the owner name of a user: a string of 1 to 512 characters. A user for whom it returns anything else is
 * refused with 403.
 */
export type OwnerOf = (user: User & {}) => string | undefined

/** The result of `ownerOf`, if it is a valid name. */
export function nameIn(owner: unknown): string | undefined {
  return typeof owner === 'string' && isOwner(owner) ? owner : undefined
}

/** A user that is a string or a number, or the `id` of a user that is an object. */
export const defaultOwnerOf: OwnerOf = (user: unknown) => {
  if (typeof user !== 'object' || user === null) return nameOf(user)
  return 'id' in user ? nameOf(user.id) : undefined
}

function nameOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'bigint' || Number.isFinite(value) ? String(value) : undefined
}

/** Whether there is no user, because there is no authentication. */
export function nobodyAsked(user: User | undefined): boolean {
  return user === undefined || user === null
}
