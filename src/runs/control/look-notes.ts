/**
 * Notes of one look for expired leases about those it did not take over, for the next look. A lease that cannot be
 * handled costs one look instead of every look, and does not hide the leases after it.
 */
import type { Lease } from '../../streams/leases.ts'

export type LookNote =
  /** The stream is not a run, or its kind is unknown here: left to others. */
  | { readonly type: 'foreign' }
  /** Left to processes that know its kind, since that time. */
  | { readonly type: 'left'; readonly since: number }
  /** It failed this many times in a row, and is not retried before `again`. */
  | { readonly type: 'failed'; readonly times: number; readonly again: number }

/** Most notes kept. Leases beyond it are looked at each time. `left` notes do not count: they are short-lived. */
const MOST = 10_000

/** Times are of `performance.now()`. */
export class LookNotes {
  /**
   * By stream, incarnation and epoch, as taking the lease raises the epoch. An owed end stays the same whoever takes
   * it, so its key has no epoch.
   */
  readonly #notes = new Map<string, LookNote>()
  #before: ReadonlyMap<string, LookNote> | undefined
  /** Number of failures in this look, and the first error. */
  failed = 0
  failure: unknown
  /** Number of runs that could continue, but found no place in this process. */
  full = 0
  /** Number of leases that do not concern this process. */
  foreign = 0
  /** Number of owed ends whose kinds are unknown here. */
  unknown = 0

  /** @param before the notes of the previous look. */
  constructor(before?: LookNotes) {
    if (before) this.#before = before.#notes
  }

  /** What the previous look found. */
  before(lease: Lease): LookNote | undefined {
    return this.#before?.get(nameOf(lease))
  }

  /** Call this at the end of the look. */
  close(): this {
    this.#before = undefined
    return this
  }

  keep(lease: Lease, note: LookNote): void {
    if (note.type === 'foreign') this.foreign++
    if (note.type === 'left' || this.#notes.size < MOST) this.#notes.set(nameOf(lease), note)
  }

  /** Leaves an owed end to other processes. */
  leave(lease: Lease): void {
    this.keep(lease, { type: 'foreign' })
    this.unknown++
  }

  /** Notes a failure in this look. */
  fail(lease: Lease, note: LookNote, failure: unknown): void {
    this.keep(lease, note)
    this.failed++
    this.failure ??= failure
  }
}

function nameOf({ stream, incarnation, epoch, owed }: Lease): string {
  return owed ? `${stream} ${incarnation} owed` : `${stream} ${incarnation} ${epoch}`
}
