/** What a simulation has seen: a run in which nothing happens proves nothing. */
const COUNTED = [
  'kills',
  'freezes',
  'drains',
  'outages',
  'jumps',
  'cuts',
  'takeovers',
  'handOvers',
  'fences',
  'refusedCalls',
  'lostAnswers',
  'lateCalls',
  'doubledCalls',
  'starts',
  'stops',
  'deletes',
  'retries',
  'generations',
  'records',
  'readers',
  'resumes',
  'stalls',
  'reads',
  'ends',
  'strangers',
  'races',
  'touches',
  'cancels',
  'told',
  'toldAgain',
  'trimmed',
  'chatsSent',
  'chatsQueued',
  'chatsPaged',
  'chatsTakenBack',
  'chatsDeleted',
  'chatsSelected',
  'chatsRemoved',
  'chatsSeen',
  'chatsSaved',
  'chatKills',
] as const

export type Counted = (typeof COUNTED)[number]

export class Coverage {
  readonly #counts = new Map<Counted, number>()

  add(what: Counted, count: number = 1): void {
    this.#counts.set(what, this.count(what) + count)
  }

  count(what: Counted): number {
    return this.#counts.get(what) ?? 0
  }

  join(other: Coverage): void {
    for (const [what, count] of other.#counts) this.add(what, count)
  }

  /** In the order of the list, those that were never seen as well. */
  toString(): string {
    return COUNTED.map((what) => `${what} ${this.count(what)}`).join(', ')
  }
}
