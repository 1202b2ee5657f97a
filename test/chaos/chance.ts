/** What the chaos tests leave to chance, drawn from a seed: the same seed makes the same choices. */
import { randomInt } from 'node:crypto'
import process from 'node:process'

/** That of `MILLRACE_CHAOS_SEED`, or another one each time: CI sees more that way, and a failure says which. */
export function chaosSeed(): number {
  const given = process.env.MILLRACE_CHAOS_SEED
  if (given === undefined || given === '') return randomInt(2 ** 31)
  const seed = Number(given)
  if (!Number.isSafeInteger(seed)) throw new RangeError(`MILLRACE_CHAOS_SEED is no whole number: ${given}`)
  return seed
}

export class Chance {
  #state: number

  /** `purpose` keeps draws apart: how often one purpose draws does not change what another one gets. */
  constructor(seed: number, purpose: string) {
    this.#state = seed | 0
    for (const character of purpose)
      this.#state = Math.imul(this.#state ^ character.charCodeAt(0), 0x01000193)
  }

  /** From 0 up to and without 1: mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from `low` up to and without `high`. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low))
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError('There is nothing to pick from')
    return list[this.between(0, list.length)] as T
  }

  shuffled<T>(list: readonly T[]): T[] {
    const rest = [...list]
    return list.map(() => rest.splice(this.between(0, rest.length), 1)[0] as T)
  }
}
