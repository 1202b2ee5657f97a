/**
 * What a server does when it is full: a few connections more are accepted, so that probes are answered and
 * everybody else is told why not. The oldest of them make room for new ones.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Connections beyond the limit. Half of them are for those that come before the others are closed. */
const SPARE = 64

export class SpareConnections {
  readonly #limit: number
  readonly #spare = new Set<Socket>()
  /** As requests know them: over TLS not what was accepted. */
  readonly #refused = new WeakSet<Duplex>()
  #open = 0

  /** @param limit connections that are served. */
  constructor(server: Server, limit: number) {
    this.#limit = limit
    server.maxConnections = limit + SPARE
    server.on('connection', (socket) => this.#accept(socket))
    server.on('secureConnection', (socket: Duplex) => {
      if (this.#isFull) this.#refused.add(socket)
    })
  }

  /** Whether the server is full and this connection is one too many. */
  isSpare(socket: Duplex): boolean {
    return this.#isFull && this.#refused.has(socket)
  }

  get #isFull(): boolean {
    return this.#open > this.#limit
  }

  #accept(socket: Socket): void {
    this.#open++
    socket.once('close', () => {
      this.#open--
      this.#spare.delete(socket)
    })
    if (!this.#isFull) return
    this.#spare.add(socket)
    this.#refused.add(socket)
    const [oldest] = this.#spare
    if (this.#spare.size > SPARE / 2) oldest?.destroy()
  }
}
