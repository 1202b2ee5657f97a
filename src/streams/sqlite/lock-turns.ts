/**
 * When this process tries for the lock on the file. SQLite has no queue for it: whoever tries while it is
 * free has it. So a process that waits tries often at first, and one that shares the file lets go for a
 * moment after each of its transactions, or the others would have to hit the instant between two of them.
 *
 * All times are milliseconds, of `performance.now()`.
 */

/** An attempt costs some 10 us. */
const FIRST_PAUSE = 1
const LONGEST_PAUSE = 10
/** For so long a process that waits tries as often as it can. */
const EAGER = 200
/** Others count as writing for so long after they wrote last. */
const SHARED = 500
/** As long as the first pauses of those who wait. */
const GAP = 1

export class LockTurns {
  #sharedAt = Number.NEGATIVE_INFINITY
  #freeSince = Number.NEGATIVE_INFINITY

  /** Another process has written, or holds the lock. */
  shared(now: number): void {
    this.#sharedAt = now
  }

  /** A transaction of this process is over. */
  free(now: number): void {
    this.#freeSince = now
  }

  /** How long to leave the lock to others before the next transaction. */
  gap(now: number): number {
    return now - this.#sharedAt > SHARED ? 0 : Math.max(0, this.#freeSince + GAP - now)
  }

  /** How long to wait before the next attempt, for who waits since then. */
  pause(since: number, now: number): number {
    return Math.min(Math.max((now - since - EAGER) / 20, FIRST_PAUSE), LONGEST_PAUSE)
  }
}
