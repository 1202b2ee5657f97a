/**
 * A sorted list in blocks of some hundred items. Adding or removing an item is a binary search and moves the rest of
 * one block; a page may begin anywhere at the same cost.
 */

/** Size at which a block is split. */
const MOST = 512

export class Sorted<T> {
  readonly #compare: (a: T, b: T) => number
  /** None is empty. */
  readonly #blocks: T[][] = []
  #size = 0

  /** @param compare returns 0 for equal items. Items must not change their order while they are in the list. */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
  }

  get size(): number {
    return this.#size
  }

  /** Does nothing if the item is there already. */
  add(one: T): void {
    const at = Math.min(this.#blockOf(one), this.#blocks.length - 1)
    const block = this.#blocks[at]
    if (!block) this.#blocks.push([one])
    else {
      const n = this.#placeIn(block, one)
      if (this.#isAt(block, n, one)) return
      block.splice(n, 0, one)
      if (block.length > MOST) this.#blocks.splice(at + 1, 0, block.splice(MOST / 2))
    }
    this.#size++
  }

  delete(one: T): boolean {
    const at = this.#blockOf(one)
    const block = this.#blocks[at]
    const n = block ? this.#placeIn(block, one) : 0
    if (!block || !this.#isAt(block, n, one)) return false
    block.splice(n, 1)
    if (block.length === 0) this.#blocks.splice(at, 1)
    this.#size--
    return true
  }

  first(): T | undefined {
    return this.#blocks[0]?.[0]
  }

  /** Iterates from an item, or from where it would be. The list must not change meanwhile. */
  *from(one: T): Generator<T> {
    let at = this.#blockOf(one)
    let n = this.#placeIn(this.#blocks[at] ?? [], one)
    for (; at < this.#blocks.length; at++, n = 0) {
      const block = this.#blocks[at] as T[]
      for (; n < block.length; n++) yield block[n] as T
    }
  }

  clear(): void {
    this.#blocks.length = 0
    this.#size = 0
  }

  /** The first block that ends at or after an item. */
  #blockOf(one: T): number {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(this.#blocks[middle]?.at(-1) as T, one) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The index of an item in a block, or where it would be. */
  #placeIn(block: readonly T[], one: T): number {
    let low = 0
    let high = block.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(block[middle] as T, one) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #isAt(block: readonly T[], n: number, one: T): boolean {
    return n < block.length && this.#compare(block[n] as T, one) === 0
  }
}

/** By bytes, as ids are ASCII. */
export function compareIds(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
