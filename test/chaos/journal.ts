/** What happened in a chaos test, in order and with its time: the first thing to read when one fails. */
export class Journal {
  readonly #since = performance.now()
  readonly #entries: string[] = []

  note(entry: string): void {
    const at = ((performance.now() - this.#since) / 1000).toFixed(3)
    this.#entries.push(`${at.padStart(8)} ${entry}`)
  }

  /** The last so many entries. */
  tail(count: number): string {
    const left = Math.max(0, this.#entries.length - count)
    return [...(left > 0 ? [`(${left} entries before)`] : []), ...this.#entries.slice(left)].join('\n')
  }
}
