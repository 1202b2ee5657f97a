/**
 * Ids in their order. They lie in blocks of some hundred, each in order and behind the one before: one more, or one
 * less, is found by halves and moves the rest of its block, and a page begins anywhere at the same cost.
 */

/** Beyond it, a block becomes two. */
const MOST = 512

export class SortedIds {
  /** None of them empty. */
  readonly #blocks: string[][] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** Does nothing for one that is there. */
  add(id: string): void {
    const at = Math.min(this.#blockOf(id), this.#blocks.length - 1)
    const block = this.#blocks[at]
    if (!block) this.#blocks.push([id])
    else {
      const n = placeIn(block, id)
      if (block[n] === id) return
      block.splice(n, 0, id)
      if (block.length > MOST) this.#blocks.splice(at + 1, 0, block.splice(MOST / 2))
    }
    this.#size++
  }

  delete(id: string): boolean {
    const at = this.#blockOf(id)
    const block = this.#blocks[at]
    const n = block ? placeIn(block, id) : 0
    if (block?.[n] !== id) return false
    block.splice(n, 1)
    if (block.length === 0) this.#blocks.splice(at, 1)
    this.#size--
    return true
  }

  /** From an id on, or from where it would be. Whoever goes through them changes nothing meanwhile. */
  *from(id: string): Generator<string> {
    let at = this.#blockOf(id)
    let n = placeIn(this.#blocks[at] ?? [], id)
    for (; at < this.#blocks.length; at++, n = 0) {
      const block = this.#blocks[at] as string[]
      for (; n < block.length; n++) yield block[n] as string
    }
  }

  clear(): void {
    this.#blocks.length = 0
    this.#size = 0
  }

  /** The first block that ends at an id or behind it. */
  #blockOf(id: string): number {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#blocks[middle]?.at(-1) as string) < id) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Where an id is in a block, or would be. */
function placeIn(block: readonly string[], id: string): number {
  let low = 0
  let high = block.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((block[middle] as string) < id) low = middle + 1
    else high = middle
  }
  return low
}
