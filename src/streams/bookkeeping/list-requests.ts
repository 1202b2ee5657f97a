/** Checks requests for lists of streams, as `requests.ts` does those about streams. */
import { StreamRequestError } from '../errors.ts'
import type { ListOptions } from '../listing.ts'
import { checkInteger } from './requests.ts'

/** A valid listing in the order of ids. */
export interface CheckedList {
  readonly prefix: string
  readonly owner: string | null | undefined
  readonly closed: boolean | undefined
  readonly leased: boolean
  readonly after: string
  readonly limit: number
}

/** A valid listing of a list in the order of the last appends. */
export interface CheckedLatest {
  /** The name of the list. */
  readonly listed: string
  readonly owner: string | undefined
  /** The place of the last stream of the previous page; places decrease from page to page. */
  readonly before: number
  readonly limit: number
}

export function checkList(options: ListOptions): CheckedList | CheckedLatest {
  const { prefix = '', owner, closed, leased = false, listed, after = '', limit = 100 } = options
  checkInteger(limit, 1, 1000, 'invalid_limit', 'The streams of a page')
  if (listed === undefined) return { prefix, owner, closed, leased, after, limit }
  checkListName(listed)
  if (owner === undefined) throw invalid('A list needs its owner, or null for streams without one')
  if (prefix !== '' || closed !== undefined || leased)
    throw invalid('A list takes no other filters than its owner and its name')
  if (!/^(?:[1-9]\d{0,15})?$/.test(after)) throw invalid('`after` is not a place of a list')
  const before = after === '' ? Number.MAX_SAFE_INTEGER : Number(after)
  return { listed, owner: owner ?? undefined, before, limit }
}

/** @throws {StreamRequestError} `invalid_list` for an invalid name of a list. */
export function checkListName(name: string): void {
  if (typeof name === 'string' && /^[\x21-\x7e]{1,64}$/.test(name)) return
  throw invalid('The name of a list is 1 to 64 printable ASCII characters without a space')
}

function invalid(message: string): StreamRequestError {
  return new StreamRequestError('invalid_list', message)
}

/** @throws {StreamRequestError} `invalid_limit` for an invalid number of streams. */
export function checkMost(most: number): number {
  checkInteger(most, 1, Number.MAX_SAFE_INTEGER, 'invalid_limit', 'The streams that are counted')
  return most
}
