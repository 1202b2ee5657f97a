/**
 * Finds the clients that do not read: something waits for them, and for a time their kernel takes none of
 * it. Progress counts, not signs of life: a client may ping, or answer pings, and read nothing else.
 *
 * What it costs: one timer for all clients, and a look at each of them four times in that time.
 */
import type { Duplex } from 'node:stream'
import { DeadlineQueue } from '../../time/deadline-queue.ts'

/** A client, for as long as something may be sent to it. */
export interface Watched {
  readonly socket: Duplex
  /** It has not read for too long. Called once. */
  cutUnread(): void
}

interface Progress {
  taken: number
  /** Looks without any progress. */
  looks: number
}

/** Looks in the time that a client has. */
const LOOKS = 4

export class UnreadWatch {
  readonly #progress = new Map<Watched, Progress>()
  readonly #due: DeadlineQueue<Watched>
  readonly #intervalMs: number
  #timer: NodeJS.Timeout | undefined

  /** In seconds. A client is cut after it, and before five quarters of it. */
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
    // `NaN` is unlike itself: a socket that does not say is never stuck.
    if (client.socket.writableLength > 0 && taken === progress.taken) return ++progress.looks >= LOOKS
    progress.taken = taken
    progress.looks = 0
    return false
  }
}

/** What Node's own socket timeouts look at; it has no public name. */
interface Handle {
  readonly bytesWritten: number
  readonly writeQueueSize: number
}

/**
 * Bytes of a socket that the kernel has taken, the ones of an unfinished write included. `writableLength`
 * does not tell these: it falls when a write of megabytes is through.
 */
export function bytesTaken(socket: Duplex): number {
  const handle = (socket as { readonly _handle?: Handle | null })._handle
  return handle ? handle.bytesWritten - handle.writeQueueSize : Number.NaN
}
