/**
 * Connections beyond the limit of a server. It accepts a few more when it is full, so that probes are
 * answered and other clients are told why they are refused. The oldest of them make room for new ones.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Connections beyond the limit. Half of them serve those that come before earlier ones have closed. */
const SPARE = 64

export class SpareConnections {
  readonly #limit: number
  readonly #spare = new Set<Socket>()
  /** The sockets that requests have, which over TLS are not those that were accepted. */
  readonly #refused = new WeakSet<Duplex>()
  #open = 0

  /** @param limit most connections that are served. */
  constructor(server: Server, limit: number) {
    this.#limit = limit
    server.maxConnections = limit + SPARE
    server.on('connection', (socket) => this.#accept(socket))
    server.on('secureConnection', (socket: Duplex) => {
      if (this.#isFull) this.#refused.add(socket)
    })
  }

  /** Whether the server is full, and this connection beyond its limit. */
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
