/**
 * Finds clients that do not read: data waits for them, and their kernel takes none of it for some time. Pings
 * and pongs do not count, because a client may send them and read nothing.
 *
 * The cost is one timer for all clients, and four looks at each client in that time.
 */
import type { Duplex } from 'node:stream'
import { DeadlineQueue } from '../../time/deadline-queue.ts'

/** A client to which data may be sent. */
export interface Watched {
  readonly socket: Duplex
  /** The client has not read for too long. Called once. */
  cutUnread(): void
}

interface Progress {
  taken: number
  /** Looks without any progress. */
  looks: number
}

/** Looks within the timeout. */
const LOOKS = 4

export class UnreadWatch {
  readonly #progress = new Map<Watched, Progress>()
  readonly #due: DeadlineQueue<Watched>
  readonly #intervalMs: number
  #timer: NodeJS.Timeout | undefined

  /** @param timeout seconds. A client is cut after this time, at the latest after five quarters of it. */
  constructor(timeout: number) {
    this.#intervalMs = (timeout * 1000) / LOOKS
    this.#due = new DeadlineQueue(this.#intervalMs)
  }

  add(client: Watched): void {
    this.#progress.set(client, { taken: Number.NaN, looks: 0 })
    this.#due.add(client, performance.now())
    this.#timer ??= setInterval(() => this.#tick(), Math.max(5, this.#intervalMs / LOOKS)).unref()
  }

  delete(client: Watched): void {
    this.#progress.delete(client)
    this.#due.delete(client)
    if (this.#progress.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #tick(): void {
    const now = performance.now()
    for (const client of this.#due.take(now, Number.POSITIVE_INFINITY)) {
      if (this.#isStuck(client)) {
        this.delete(client)
        client.cutUnread()
      } else this.#due.add(client, now)
    }
  }

  #isStuck(client: Watched): boolean {
    const progress = this.#progress.get(client)
    if (!progress) return false
    const taken = bytesTaken(client.socket)
    // `NaN` never equals itself, so a socket whose progress is unknown is never stuck.
    if (client.socket.writableLength > 0 && taken === progress.taken) return ++progress.looks >= LOOKS
    progress.taken = taken
    progress.looks = 0
    return false
  }
}

/** The handle that Node's own socket timeouts use, which has no public type. */
interface Handle {
  readonly bytesWritten: number
  readonly writeQueueSize: number
}

/**
 * Bytes that the kernel has taken from a socket, including those of an unfinished write. `writableLength`
 * changes only when a whole write, which may have megabytes, has finished.
 */
export function bytesTaken(socket: Duplex): number {
  const handle = (socket as { readonly _handle?: Handle | null })._handle
  return handle ? handle.bytesWritten - handle.writeQueueSize : Number.NaN
}
