/**
 * The streams that one socket has asked for and that are being looked up. Different streams are looked
 * up side by side, so that one on which the store is slow holds up no other; what is asked of one stream
 * is done in the order in which it was asked.
 */

/** Looks a stream up and follows it, unless by then it is not wanted any more. */
export type Lookup = (isWanted: () => boolean, signal: AbortSignal) => Promise<void>

interface Asked {
  wanted: boolean
  /** What was asked of the stream before and is not done. */
  before: Asked | undefined
  readonly done: Promise<void>
}

/** At a time. With as many under way the socket is not read on. */
const MAX_UNDER_WAY = 16

export class Lookups {
  readonly #background: (task: (signal: AbortSignal) => Promise<void>) => void
  /** The last one that was asked of each stream. */
  readonly #last = new Map<string, Asked>()
  #underWay = 0
  #room: PromiseWithResolvers<void> | undefined

  /** `background` runs a task that belongs to the connection. */
  constructor(background: (task: (signal: AbortSignal) => Promise<void>) => void) {
    this.#background = background
  }

  has(stream: string): boolean {
    return this.#last.has(stream)
  }

  /** How many streams are looked up that these do not have. */
  besides(others: { has(stream: string): boolean }): number {
    return [...this.#last.keys()].filter((stream) => !others.has(stream)).length
  }

  /** Begins a look-up, behind those of the same stream. What it returns resolves when there is room for another. */
  add(stream: string, lookup: Lookup): void | Promise<void> {
    const before = this.#last.get(stream)
    const { promise: done, resolve } = Promise.withResolvers<void>()
    const asked: Asked = { wanted: true, before, done }
    this.#last.set(stream, asked)
    this.#underWay++
    this.#background(async (signal) => {
      try {
        await before?.done
        asked.before = undefined
        if (asked.wanted) await lookup(() => asked.wanted, signal)
      } finally {
        if (this.#last.get(stream) === asked) this.#last.delete(stream)
        this.#underWay--
        this.#room?.resolve()
        this.#room = undefined
        resolve()
      }
    })
    if (this.#underWay < MAX_UNDER_WAY) return
    this.#room ??= Promise.withResolvers()
    return this.#room.promise
  }

  /** Whoever asked for a stream, however often, does not want it any more. */
  cancel(stream: string): void {
    for (let asked = this.#last.get(stream); asked; asked = asked.before) asked.wanted = false
  }
}
