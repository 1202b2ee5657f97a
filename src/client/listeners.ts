/** Who wants to be told of a change. One that throws harms no other, nor what changed. */
export class Listeners {
  readonly #all = new Set<() => void>()

  /** Returns the undo. */
  add(listener: () => void): () => void {
    const entry = (): void => listener()
    this.#all.add(entry)
    return () => void this.#all.delete(entry)
  }

  tell(): void {
    for (const listener of Array.from(this.#all)) {
      try {
        listener()
      } catch (error) {
        // Where uncaught errors go, as it would from an event handler.
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
