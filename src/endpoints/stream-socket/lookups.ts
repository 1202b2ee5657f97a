/**
 * Looks up the streams that one socket asked for: concurrently, so that a slow one does not delay the others, and a
 * limited number at a time.
 */

/** Most look-ups at a time. Beyond it, the socket is not read. */
const MAX_UNDER_WAY = 16

export class Lookups {
  readonly #background: (task: (signal: AbortSignal) => Promise<void>) => void
  #underWay = 0
  #room: PromiseWithResolvers<void> | undefined

  /** @param background runs a task that belongs to the connection. */
  constructor(background: (task: (signal: AbortSignal) => Promise<void>) => void) {
    this.#background = background
  }

  /** Begins a look-up. A returned promise resolves when there is room for another. */
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
