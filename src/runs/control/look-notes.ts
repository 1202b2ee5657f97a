/**
 * What one look for leases that are over found of those that it did not take over, for the next look: so
 * that what cannot be handled costs one look, and not each, and hides nothing that comes after it.
 */
import type { Lease } from '../../streams/leases.ts'

export type LookNote =
  /** The stream is no run, or owes what is not known here: others see to it. */
  | { readonly type: 'foreign' }
  /** Left first to those who know its kind, since then. */
  | { readonly type: 'left'; readonly since: number }
  /** It failed so many times in a row, and is not tried again before then. */
  | { readonly type: 'failed'; readonly times: number; readonly again: number }

/** More than these are looked at each time. Those that are left to others are not among them: they go soon. */
const MOST = 10_000

/** Times are of `performance.now()`. */
export class LookNotes {
  /**
   * By stream, incarnation and epoch: who takes the lease makes another one of it. What is owed stays the same whoever
   * takes it: there, without the epoch.
   */
  readonly #notes = new Map<string, LookNote>()
  #before: ReadonlyMap<string, LookNote> | undefined
  /** How many failed in this look, and the first failure. */
  failed = 0
  failure: unknown
  /** How many could go on, and found no place in this process. */
  full = 0
  /** How many are nothing to this process. */
  foreign = 0
  /** How many ends are owed to kinds, or in a way, that is not known here. */
  unknown = 0

  /** @param before of the look before. */
  constructor(before?: LookNotes) {
    if (before) this.#before = before.#notes
  }

  /** What the look before found. */
  before(lease: Lease): LookNote | undefined {
    return this.#before?.get(nameOf(lease))
  }

  /** The look is over. */
  close(): this {
    this.#before = undefined
    return this
  }

  keep(lease: Lease, note: LookNote): void {
    if (note.type === 'foreign') this.foreign++
    if (note.type === 'left' || this.#notes.size < MOST) this.#notes.set(nameOf(lease), note)
  }

  /** What a lease owes is left to others. */
  leave(lease: Lease): void {
    this.keep(lease, { type: 'foreign' })
    this.unknown++
  }

  /** Notes that it failed in this look. */
  fail(lease: Lease, note: LookNote, failure: unknown): void {
    this.keep(lease, note)
    this.failed++
    this.failure ??= failure
  }
}

function nameOf({ stream, incarnation, epoch, owed }: Lease): string {
  return owed ? `${stream} ${incarnation} owed` : `${stream} ${incarnation} ${epoch}`
}
