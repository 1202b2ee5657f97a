/**
 * Knows which clients have read the end of an answer. One that was cut off and resumes after the end gets the answer again;
 * otherwise it would take its half for the whole. Of one that has read it, a resume waits for the next answer.
 *
 * A stock client does not say what it has. So clients are told apart by their network and browser: a phone that was cut off
 * gets its end although the laptop has read it. This process remembers that for a while, and others do not know of it: at
 * each of them a client may get an end once more, which shows the same message. None is lost by it.
 */
import type { Scope } from '../../consumers/scope.ts'
import { RecentRuns } from './recent-runs.ts'

/** Milliseconds after which an end is no news to a client that resumes. */
const NEWS_MS = 10 * 60 * 1000
/** Characters of what a browser calls itself. */
const MOST_NAME = 200

/** What tells clients apart. */
export type EndReader = Pick<Scope<unknown>, 'network' | 'headers'>

export class UnreadEnds {
  readonly #told = new RecentRuns()

  /** Notes that a client has the end of a run. */
  told(run: string, client: EndReader): void {
    this.#told.add(keyOf(run, client))
  }

  /** @param endedAt milliseconds since 1970. */
  isUnread(run: string, client: EndReader, endedAt: number): boolean {
    return Date.now() - endedAt < NEWS_MS && !this.#told.has(keyOf(run, client))
  }
}

function keyOf(run: string, { network = '', headers }: EndReader): string {
  return `${run} ${network} ${(headers.get('user-agent') ?? '').slice(0, MOST_NAME)}`
}
