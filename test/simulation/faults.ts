/** What becomes of the calls of one process to its store: how long they take, and which of them fail how. */
import type { Chance } from '../chaos/chance.ts'

/** Parts of all calls, from 0 to 1, and milliseconds. */
export interface FaultRates {
  /** Of calls that take any time, and the longest that they take, there or back. */
  readonly slow: number
  readonly latencyMs: number
  /** Of calls that take seconds. */
  readonly stuck: number
  readonly stuckMs: number
  /** Refused: nothing happened. */
  readonly refused: number
  /** Done, and said to have failed. */
  readonly unanswered: number
  /** Said to have failed, and done some time later: it lay in a buffer. */
  readonly late: number
  /** Done twice. */
  readonly doubled: number
}

export const NO_FAULTS: FaultRates = {
  slow: 0.1,
  latencyMs: 2,
  stuck: 0,
  stuckMs: 0,
  refused: 0,
  unanswered: 0,
  late: 0,
  doubled: 0,
}

export interface Fate {
  readonly thereMs: number
  readonly backMs: number
  readonly what: 'whole' | 'refused' | 'unanswered' | 'late' | 'doubled'
}

/** An outage of the store, for one process. */
export type Outage = 'refuses' | 'hangs'

export class Faults {
  rates: FaultRates
  outage: Outage | undefined
  readonly #chance: Chance

  constructor(rates: FaultRates, chance: Chance) {
    this.rates = rates
    this.#chance = chance
  }

  next(): Fate {
    const { slow, latencyMs, stuck, stuckMs, refused, unanswered, late, doubled } = this.rates
    const chance = this.#chance
    // Always as many draws, so that another rate changes as little as can be.
    const [how, there, back, pace] = [chance.next(), chance.next(), chance.next(), chance.next()]
    const longest = pace < stuck ? stuckMs : pace < stuck + slow ? latencyMs : 0
    const times = { thereMs: Math.floor(there * longest), backMs: Math.floor(back * longest) }
    if (this.outage === 'refuses') return { ...times, what: 'refused' }
    if (how < refused) return { ...times, what: 'refused' }
    if (how < refused + unanswered) return { ...times, what: 'unanswered' }
    if (how < refused + unanswered + late) return { ...times, what: 'late' }
    return { ...times, what: how < refused + unanswered + late + doubled ? 'doubled' : 'whole' }
  }

  /** Another part of all calls or events, for a planted bug. */
  happens(part: number): boolean {
    return this.#chance.next() < part
  }
}
