/**
 * The streams that one socket has asked for and that are being looked up: side by side, so that one on which
 * the store is slow holds up no other, and only so many at a time.
 */

/** At a time. With as many under way the socket is not read on. */
const MAX_UNDER_WAY = 16

export class Lookups {
  readonly #background: (task: (signal: AbortSignal) => Promise<void>) => void
  #underWay = 0
  #room: PromiseWithResolvers<void> | undefined

  /** `background` runs a task that belongs to the connection. */
  constructor(background: (task: (signal: AbortSignal) => Promise<void>) => void) {
    this.#background = background
  }

  /** Begins a look-up. What it returns resolves when there is room for another. */
  add(lookup: (signal: AbortSignal) => Promise<void>): void | Promise<void> {
    this.#underWay++
    this.#background(async (signal) => {
      try {
        await lookup(signal)
      } finally {
        this.#underWay--
        this.#room?.resolve()
        this.#room = undefined
      }
    })
    if (this.#underWay < MAX_UNDER_WAY) return
    this.#room ??= Promise.withResolvers()
    return this.#room.promise
  }
}
