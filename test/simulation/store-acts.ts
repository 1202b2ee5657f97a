/** Draws what programs of their own do to the store of a cluster. */
import { Chance } from '../chaos/chance.ts'
import type { Deed } from './deed.ts'
import type { Hazard } from './hazards.ts'
import type { ReaderPlan } from './reader.ts'

/** Of the plan that is drawn. */
export interface PlanFrame {
  readonly seed: number
  readonly chance: Chance
  /** For ends and races. */
  readonly ends: Chance
  readonly processes: number
  readonly lengthMs: number
  readonly has: (hazard: Hazard) => boolean
  /** At any time, unless one is given. */
  readonly add: (deed: Deed, atMs?: number) => void
}

export class StoreActs {
  readonly #frame: PlanFrame
  readonly #trims: Chance
  readonly #keeping: Chance

  constructor(frame: PlanFrame) {
    this.#frame = frame
    this.#trims = new Chance(frame.seed, 'trims')
    this.#keeping = new Chance(frame.seed, 'keeping')
  }

  writes(): void {
    const chance = this.#frame.chance
    if (chance.next() < 0.5 && !this.#frame.has('record like an end') && !this.#frame.has('lost tail')) return
    const last = this.#frame.has('record like an end')
      ? '{"type":"millrace.end","status":"failed","end":{"status":"failed"}}'
      : '"last"'
    const count = chance.between(1, 20)
    this.#frame.add({ type: 'write', stream: 'plain-0', last, count }, 0)
    if (!this.#frame.has('lost tail')) this.#trimsOf('plain-0', 200 * count)
    if (this.#frame.has('record like an end') || this.#frame.has('lost tail'))
      this.#frame.add({
        type: 'read',
        reader: {
          name: 'reader-of-plain',
          stream: 'plain-0',
          from: 'start',
          paceMs: 0,
          leavesAfter: chance.between(1, 5),
          backAfterMs: 5_000,
        },
      })
  }

  races(): void {
    const chance = this.#frame.ends
    if (chance.next() < 0.7) return
    const [writers, count] = [chance.between(2, 4), chance.between(1, 6)]
    this.#frame.add(
      { type: 'race', stream: 'raced-0', writers, count },
      chance.between(0, this.#frame.lengthMs / 2),
    )
  }

  /** Somebody touches a stream before its time is over each time, and then leaves it. */
  keeps(): void {
    const chance = this.#keeping
    // What a clock hides is past its time.
    const hasJumps = this.#frame.has('clock jumps') || this.#frame.has('clock far ahead')
    if (hasJumps || chance.next() < 0.8) return
    const ttlMs = chance.pick([1_000, 3_000, 10_000])
    const everyMs = Math.floor(ttlMs * (0.3 + 0.5 * chance.next()))
    const count = Math.min(chance.between(2, 8), Math.ceil((2 * this.#frame.lengthMs) / everyMs))
    this.#frame.add({ type: 'keep', stream: 'kept-0', ttlMs, everyMs, count }, chance.between(0, 1_000))
  }

  /** A log loses its beginning while it is written and read, and after. */
  #trimsOf(stream: string, writtenMs: number): void {
    const chance = this.#trims
    if (chance.next() < 0.4) return
    for (let left = chance.between(1, 5); left > 0; left--) {
      const atMs = chance.between(0, Math.max(2_000, 2 * writtenMs))
      const slot = chance.between(0, this.#frame.processes)
      this.#frame.add({ type: 'trim', stream, last: chance.between(0, 6), slot }, atMs)
    }
    const reader: ReaderPlan = {
      name: 'reader-of-trimmed',
      stream,
      from: 'start',
      paceMs: chance.pick([0, 10, 300]),
      leavesAfter: chance.between(1, 6),
      backAfterMs: chance.between(1, 3_000),
    }
    this.#frame.add({ type: 'read', reader }, chance.between(0, 1_000))
  }
}
