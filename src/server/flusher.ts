/**
 * One write per socket and turn of the event loop, or per task of it. The system call is most of what a
 * message costs, so everything that is sent to a socket meanwhile leaves in a single one.
 */
import type { Writable } from 'node:stream'

class Corks {
  readonly #schedule: (flush: () => void) => void
  #corked: Writable[] = []

  constructor(schedule: (flush: () => void) => void) {
    this.#schedule = schedule
  }

  add(socket: Writable): void {
    // Whoever corked it has it listed already.
    if (socket.writableCorked > 0) return
    socket.cork()
    if (this.#corked.push(socket) === 1) this.#schedule(this.#flush)
  }

  readonly #flush = (): void => {
    const sockets = this.#corked
    this.#corked = []
    for (const socket of sockets) release(socket)
  }
}

/** A socket that fails is ended, as if its other side had gone; the ones behind it are written to all the same. */
function release(socket: Writable): void {
  try {
    socket.uncork()
  } catch (error) {
    socket.destroy(error as Error)
  }
}

const turn = new Corks((flush) => void setImmediate(flush))
const task = new Corks(queueMicrotask)

/** Holds what is written to a socket until the end of this turn: whoever sends may send more after an `await`. */
export function corkForThisTurn(socket: Writable): void {
  turn.add(socket)
}

/**
 * Holds what is written to a socket until the code that runs now, without an `await`, is through. When
 * that writes to many sockets they are written to one right after the other, which costs each less: the
 * kernel's code and tables are at hand, and a reader on the same machine does not fall asleep in between.
 */
export function corkForThisTask(socket: Writable): void {
  task.add(socket)
}
