/**
 * Room for a command. A browser has six connections to a server over HTTP/1.1, for all of its tabs, and streams
 * keep theirs for as long as they run, so a command could wait for ever. When a command has no answer soon, a
 * stream of its own page gives up its connection, and then one stream of each page of the same origin. Those
 * streams come back and miss nothing.
 */

/** The part of a BroadcastChannel that is used. */
interface Channel {
  postMessage(message: unknown): void
  close(): void
  onmessage: ((event: never) => void) | null
}

/** Seconds that a command waits before it asks for room, and twice as long each further time. */
const PATIENCE = 0.75
/** Milliseconds in which a page gives way once, however many ask. */
const ONCE_IN = 1000

export class Room {
  readonly #give: () => boolean
  readonly #channel: Channel | undefined
  #gaveAt = -ONCE_IN

  /** @param give ends the connection of one stream; false when there is none. */
  constructor(name: string, give: () => boolean) {
    this.#give = give
    const { BroadcastChannel, addEventListener } = globalThis as {
      BroadcastChannel?: new (name: string) => Channel
      addEventListener?: unknown
    }
    // Node has no such limit, and a channel would keep the process alive.
    if (!BroadcastChannel || !addEventListener) return
    this.#channel = new BroadcastChannel(`millrace room ${name}`)
    this.#channel.onmessage = () => {
      if (performance.now() - this.#gaveAt < ONCE_IN) return
      this.#gaveAt = performance.now()
      this.#give()
    }
  }

  /** A command waits for its answer, until the returned function is called. */
  wanted(): () => void {
    let timer: ReturnType<typeof setTimeout>
    const wait = (seconds: number): void => {
      timer = setTimeout(() => {
        const gave = this.#give()
        if (!gave || seconds > PATIENCE) this.#channel?.postMessage(null)
        wait(2 * seconds)
      }, seconds * 1000)
    }
    wait(PATIENCE)
    return () => clearTimeout(timer)
  }

  close(): void {
    this.#channel?.close()
  }
}
