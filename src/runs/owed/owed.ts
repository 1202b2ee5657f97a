/**
 * What the close of a run leaves owed: telling its kind, and cancelling its upstream work. It is stored with the
 * close until it is done, by this process or another one.
 */
import type { Json } from '../../protocol/json.ts'
import type { Lease } from '../../streams/leases.ts'
import { member, numberIn } from '../records/json-members.ts'
import type { RunSettings } from '../options.ts'
import type { RunRecord } from '../records/run-record.ts'
import type { UpstreamPlace } from '../generation/upstream-place.ts'

export interface Owed {
  /** When the run ended, in milliseconds since 1970. */
  readonly since: number
  /** The epoch of the process that ended it. A later epoch minus this one is the number of attempts. */
  readonly epoch: number
  /** Whether Whether Whether Whether `ended` of its kind has not returned yet. */
  readonly ended: boolean
  /**
   * Set when its provider did not end in time, with the last checkpoint, if any. Another process cancels the upstream
   * work by it.
   */
  readonly cancel: { readonly value?: Json } | undefined
  /** Fields of a newer version, kept unchanged for processes that know them. */
  readonly others: { readonly [name: string]: Json }
}

/**
 * What a run leaves that ends here; undefined for nothing. `left`: its provider did not end in time, with whether another
 * one may be called to go on from a checkpoint.
 */
export function owedBy(
  { kinds }: Pick<RunSettings, 'kinds'>,
  { kind }: Pick<RunRecord, 'kind'>,
  { epoch }: Pick<Lease, 'epoch'>,
  left: { readonly resumable: boolean; readonly place: UpstreamPlace } | undefined,
): Owed | undefined {
  const known = kind === undefined ? undefined : kinds.get(kind)
  if (!known) return undefined
  const ended = known.ended !== undefined
  const value = left?.place.value
  // It may become known yet.
  const cancel = value !== undefined ? { value } : left?.resumable ? {} : undefined
  return ended || cancel ? { since: Date.now(), epoch, ended, cancel, others: {} } : undefined
}

/** Undefined when nothing is owed. */
export function encodeOwed({ since, epoch, ended, cancel, others }: Owed): Json | undefined {
  if (!ended && !cancel && Object.keys(others).length === 0) return undefined
  return { ...others, since, epoch, ...(ended && { ended }), ...(cancel && { cancel: { ...cancel } }) }
}

export function readOwed(owes: Json): Owed {
  const isObject = typeof owes === 'object' && owes !== null && !Array.isArray(owes)
  const members: { readonly [name: string]: Json } = isObject
    ? (owes as { readonly [name: string]: Json })
    : { owes }
  const { since: _, epoch: _epoch, ended, cancel, ...others } = members
  const value = member(cancel, 'value')
  return {
    since: numberIn(owes, 'since') ?? 0,
    epoch: numberIn(owes, 'epoch') ?? 0,
    ended: ended === true,
    cancel: cancel === undefined ? undefined : value === undefined ? {} : { value },
    others,
  }
}
