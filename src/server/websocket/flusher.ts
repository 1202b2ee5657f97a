/**
 * One write per socket and turn of the event loop, or per task of it. The system call is most of what a
 * message costs, so everything that is sent to a socket meanwhile leaves in a single one.
 */

/** Something that waits to be written. */
export interface PendingWrite {
  /** It is listed, and will be flushed. */
  scheduled: boolean
  flush(): void
}

class Flusher {
  readonly #schedule: (flush: () => void) => void
  #items: PendingWrite[] = []

  constructor(schedule: (flush: () => void) => void) {
    this.#schedule = schedule
  }

  add(item: PendingWrite): void {
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

/** Flushes at the end of this turn: whoever sends may send more after an `await`. */
export function flushAfterTurn(item: PendingWrite): void {
  turn.add(item)
}

/**
 * Flushes when the code that runs now, without an `await`, is through. When that writes to many sockets
 * they are written to one right after the other, which costs each less: the kernel's code and tables are
 * at hand, and a reader on the same machine does not fall asleep in between.
 */
export function flushAfterTask(item: PendingWrite): void {
  task.add(item)
}
