/** Draws random names: the incarnation of a stream, the stamp of an append. */
import { randomBytes } from 'node:crypto'

/** 10 of `0-9a-z`: 51 bits, which only have to differ between the incarnations of one id. */
export function newIncarnation(): string {
  return randomBytes(8).readBigUInt64BE().toString(36).padStart(13, '0').slice(-10)
}

/** Stamps that follow each other from one draw. */
const IN_A_ROW = 1000
const LAST_DIGITS = Array.from({ length: IN_A_ROW }, (_, n) => String(n).padStart(3, '0'))

/**
 * Draws the stamps of appends, decimal numbers of 31 bits: only two histories of one stream must not meet at the same
 * position. A thousand in a row come from one draw, as chance and the text of a number cost more than the decision on
 * an append; two of different draws meet as seldom as two that were drawn alone.
 */
export class Stamps {
  #thousands = 0
  #firstDigits = ''
  #last = 0
  #left = 0

  /** Another one than before. */
  next(): string {
    if (this.#left === 0) this.#draw()
    this.#left--
    this.#last = (this.#last + 1) % IN_A_ROW
    return this.#firstDigits + (LAST_DIGITS[this.#last] as string)
  }

  /** The one that `next` gave last, as a number. */
  get number(): number {
    return this.#thousands * IN_A_ROW + this.#last
  }

  #draw(): void {
    // Without a zero in front, a number comes back from where it was kept as the text that it was.
    this.#thousands = 1 + Math.floor(Math.random() * (Math.floor(2 ** 31 / IN_A_ROW) - 1))
    this.#firstDigits = String(this.#thousands)
    this.#last = Math.floor(Math.random() * IN_A_ROW)
    this.#left = IN_A_ROW
  }
}
