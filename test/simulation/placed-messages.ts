/** The messages of a chat as a checker has them: which follows which, by the rules alone. */
interface Placed {
  readonly id: string
  readonly parent: string | null
  /** The message as JSON. */
  readonly text: string
}

export class PlacedMessages {
  /** By key, in the order in which they came. */
  readonly #placed = new Map<string, Placed>()
  readonly #versions = new Map<string, number>()

  has(key: string): boolean {
    return this.#placed.has(key)
  }

  /** Whether a message is there behind another one. */
  hasBehind(parent: string | null, text: string): boolean {
    return [...this.#placed.values()].some((one) => one.parent === parent && one.text === text)
  }

  /** Puts a message behind another one; returns its key. */
  place(message: { readonly id: string }, parent: string | null): string {
    const { id } = message
    const version = (this.#versions.get(id) ?? 0) + 1
    this.#versions.set(id, version)
    const key = version === 1 ? id : `${id}~${version}`
    this.#placed.set(key, { id, parent, text: JSON.stringify(message) })
    return key
  }

  idOf(key: string): string | undefined {
    return this.#placed.get(key)?.id
  }

  parentOf(key: string): string | null {
    return this.#placed.get(key)?.parent ?? null
  }

  /** The branch that ends with a message, by the ids of its messages. */
  branch(last: string | null): readonly string[] {
    return this.keys(last).map((key) => this.idOf(key) ?? '')
  }

  /** The same by their keys. */
  keys(last: string | null): readonly string[] {
    const keys: string[] = []
    for (let key = last; key !== null && this.has(key); key = this.parentOf(key)) keys.push(key)
    return keys.reverse()
  }

  /** Where the branch ends that came last behind a message, or of all. */
  lastBelow(key: string | null): string | null {
    const next = [...this.#placed].findLast(([, { parent }]) => parent === key)
    return next ? this.lastBelow(next[0]) : key
  }

  isBelow(key: string, other: string): boolean {
    for (let at: string | null = key; at !== null; at = this.parentOf(at)) if (at === other) return true
    return false
  }

  /** Removes a message and all behind it. */
  remove(key: string): void {
    const gone = [...this.#placed.keys()].filter((one) => this.isBelow(one, key))
    for (const one of gone) this.#placed.delete(one)
  }
}
