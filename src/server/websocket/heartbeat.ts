/**
 * Pings every WebSocket, ends those whose peer is dead or that reached their longest life, and ends those
 * whose close takes too long. One timer serves all connections of a gateway, and runs only while there are
 * any.
 */
import { DeadlineQueue } from '../../time/deadline-queue.ts'

/** A connection, as the heartbeat sees it. */
export interface Beating {
  ping(): void
  /** The server has stopped reading, so an answer may wait unread. */
  readonly paused: boolean
  /** The peer has read a part of what waits for it since the last ping. */
  readonly progressed: boolean
  /** The peer is dead: ends the connection without a close frame. */
  terminate(): void
  expire(): void
  /**
   * The close frame was not answered within `CLOSE_TIMEOUT`. Returns whether to wait for another
   * `CLOSE_TIMEOUT`.
   */
  closingStill(): boolean
}

/** Seconds between two checks of a connection that closes. */
export const CLOSE_TIMEOUT = 5

export interface HeartbeatOptions {
  /** Seconds. */
  readonly pingInterval: number
  readonly pingTimeout: number
  readonly maxLifetime: number
}

/**
 * Ticks in the shortest interval. A tick pings a share of all connections, so that a burst of arrivals
 * spreads out.
 */
const TICKS_PER_INTERVAL = 20

export class Heartbeat {
  readonly #pings: DeadlineQueue<Beating>
  readonly #pongs: DeadlineQueue<Beating>
  readonly #lives: DeadlineQueue<Beating>
  readonly #closings = new DeadlineQueue<Beating>(CLOSE_TIMEOUT * 1000)
  readonly #options: HeartbeatOptions
  readonly #tickMs: number
  #size = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#pings = new DeadlineQueue(options.pingInterval * 1000)
    this.#pongs = new DeadlineQueue(options.pingTimeout * 1000)
    this.#lives = new DeadlineQueue(options.maxLifetime * 1000)
    const shortest = Math.min(
      ...[options.pingInterval, options.pingTimeout, options.maxLifetime].filter((s) => s > 0),
      20,
    )
    this.#tickMs = Math.max(5, (shortest * 1000) / TICKS_PER_INTERVAL)
  }

  add(connection: Beating): void {
    const now = performance.now()
    if (this.#options.pingInterval > 0) this.#pings.add(connection, now)
    if (this.#options.maxLifetime > 0) this.#lives.add(connection, now)
    this.#size++
    this.#timer ??= setInterval(() => this.#tick(), this.#tickMs).unref()
  }

  /** The peer gave a sign of life. */
  alive(connection: Beating): void {
    this.#pongs.delete(connection)
  }

  /** A close frame was sent: only the end of the connection is awaited. */
  closes(connection: Beating): void {
    this.#leave(connection)
    this.#closings.add(connection, performance.now())
  }

  delete(connection: Beating): void {
    this.#leave(connection)
    this.#closings.delete(connection)
    if (--this.#size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }

  #tick(): void {
    const now = performance.now()
    const share = 100 + Math.ceil((2 * this.#size) / TICKS_PER_INTERVAL)
    for (const connection of this.#pongs.take(now, share)) {
      if (connection.paused || connection.progressed) this.#pongs.add(connection, now)
      else connection.terminate()
    }
    for (const connection of this.#pings.take(now, share)) {
      connection.ping()
      this.#pings.add(connection, now)
      if (this.#options.pingTimeout > 0) this.#awaitPong(connection, now)
    }
    for (const connection of this.#lives.take(now, share)) connection.expire()
    for (const connection of this.#closings.take(now, share)) {
      if (connection.closingStill()) this.#closings.add(connection, now)
    }
  }

  #leave(connection: Beating): void {
    this.#pings.delete(connection)
    this.#pongs.delete(connection)
    this.#lives.delete(connection)
  }

  /** Waits for a pong. A second ping must not restart the time of an unanswered one. */
  #awaitPong(connection: Beating, now: number): void {
    if (!this.#pongs.has(connection)) this.#pongs.add(connection, now)
  }
}
