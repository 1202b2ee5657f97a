/**
 * How far, from the oldest on, all leases that are over are nothing to this process: streams that are no runs, and ends
 * that kinds are owed which it does not know. There may be many, for as long as what is owed is kept. So a look begins
 * behind them, and looks at a part of them again: a clock that went back may have put others there.
 */
import type { Lease } from '../../streams/leases.ts'
import { LookNotes } from './look-notes.ts'

type Place = Pick<Lease, 'expiresAt' | 'stream'>

export class PassedLeases {
  #end: Lease | undefined
  #unknown = 0
  /** Up to where they were looked at again. */
  #again: Lease | undefined
  #notes = new LookNotes()

  /** The last of them: what comes behind it is to be looked at. */
  get end(): Lease | undefined {
    return this.#end
  }

  /** How many of them are ends that are owed. */
  get unknown(): number {
    return this.#unknown
  }

  /** Behind which of them to look again; undefined for the first. */
  get again(): Lease | undefined {
    return this.#again
  }

  /** What is found while they are looked at again, from the first to the last. */
  get notes(): LookNotes {
    return this.#notes
  }

  has(lease: Place): boolean {
    return this.#end !== undefined && !isBehind(lease, this.#end)
  }

  /** Up to this one they are nothing to this process either, so many of them ends that are owed, as this look found. */
  pass(last: Lease, unknown: number, notes: LookNotes): void {
    if (!this.#end) this.#notes = new LookNotes(notes)
    this.#end = last
    this.#unknown += unknown
  }

  /** They were looked at again up to this one; the next time begins with the first when that is the last of all. */
  seen(last: Lease | undefined): void {
    this.#again = last && this.#end && isBehind(this.#end, last) ? last : undefined
    if (!this.#again) this.#notes = new LookNotes(this.#notes.close())
  }

  /** There is something among them after all. */
  forget(): void {
    this.#end = undefined
    this.#unknown = 0
    this.#again = undefined
    this.#notes = new LookNotes()
  }
}

/** In the order in which they are listed. */
function isBehind(lease: Place, other: Place): boolean {
  return (
    lease.expiresAt > other.expiresAt || (lease.expiresAt === other.expiresAt && lease.stream > other.stream)
  )
}
