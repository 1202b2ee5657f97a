/**
 * Makes one write per socket and turn of the event loop, or per task. A system call is most of the cost of a
 * message, so messages that are sent to a socket in the same turn share one.
 */

/** A socket's messages that wait to be written. */
export interface SocketWrites {
  /** Whether it will be flushed. */
  scheduled: boolean
  flush(): void
}

class Flusher {
  readonly #schedule: (flush: () => void) => void
  #items: SocketWrites[] = []

  constructor(schedule: (flush: () => void) => void) {
    this.#schedule = schedule
  }

  add(item: SocketWrites): void {
    if (item.scheduled) return
    item.scheduled = true
    if (this.#items.push(item) === 1) this.#schedule(this.#flush)
  }

  readonly #flush = (): void => {
    const items = this.#items
    this.#items = []
    for (const item of items) {
      item.scheduled = false
      item.flush()
    }
  }
}

const turn = new Flusher((flush) => void setImmediate(flush))
const task = new Flusher(queueMicrotask)

/** Flushes at the end of this turn, because a sender may send more after an `await`. */
export function flushAfterTurn(item: SocketWrites): void {
  turn.add(item)
}

/**
 * Flushes when the current code has run up to its next `await`. When it sends to many sockets, they are
 * written to one right after the other, which is faster: the kernel's code stays in the cache, and a reader
 * on the same machine does not go to sleep in between.
 */
export function flushAfterTask(item: SocketWrites): void {
  task.add(item)
}
