/**
 * Knows which ended answers nobody has read to their end. A client that was cut off and resumes after the end gets the
 * answer again; otherwise it would take its half for the whole. This process remembers for a while which ends were read.
 * An end that is older, or was read, is not sent again.
 */

import { RecentRuns } from './recent-runs.ts'

/** Milliseconds after the start of which an end is no news to a client that resumes. */
const NEWS_MS = 10 * 60 * 1000

export class UnreadEnds {
  readonly #told = new RecentRuns()

  /** Notes that a reader has the end of a run. */
  told(run: string): void {
    this.#told.add(run)
  }

  /** @param endedAt milliseconds since 1970. */
  isUnread(run: string, endedAt: number): boolean {
    return !this.#told.has(run) && Date.now() - endedAt < NEWS_MS
  }
}
