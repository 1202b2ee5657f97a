/**
 * One WebSocket that is kept open: it reconnects with backoff for as long as nobody closes it.
 *
 * Every phase (connecting, connected, waiting) owns the one timer, and leaving a phase clears it.
 * A socket that was given up is no longer heard, whatever it still reports.
 */
import { restartDelay, retryDelay } from './backoff.ts'
import type { Clock } from './clock.ts'
import type { OpenSocket, Socket } from './socket.ts'

/** `failures` counts the tries that came to nothing since the connection last held. */
export type ConnectionState =
  | { readonly status: 'connecting' | 'connected'; readonly failures: number }
  /** `retryAt` is on the clock's scale. `offline` is a wait too: a server on this machine may still answer. */
  | { readonly status: 'reconnecting' | 'offline'; readonly failures: number; readonly retryAt: number }
  | { readonly status: 'closed' }

/** Where a connection puts what happens on it. */
export interface ConnectionReceiver {
  message(data: unknown): void
  /** An open connection ended without being asked to. `code` is the WebSocket close code. */
  lost(code: number): void
}

export interface ConnectionOptions {
  readonly open: OpenSocket
  readonly receiver: ConnectionReceiver
  readonly clock: Clock
  /** As `Math.random`. */
  readonly random: () => number
  /** Whether the device believes that it has a network. */
  readonly online: boolean
}

/** A handshake that takes longer, in milliseconds, is given up. */
const CONNECT_TIMEOUT = 10_000
/** A connection that held this long, in milliseconds, counts as good: the backoff begins anew. */
const SETTLED_AFTER = 5_000
const SERVICE_RESTART = 1012

export class Connection {
  readonly #open: OpenSocket
  readonly #receiver: ConnectionReceiver
  readonly #clock: Clock
  readonly #random: () => number
  readonly #listeners = new Set<() => void>()
  #online: boolean
  #state: ConnectionState = { status: 'closed' }
  #socket: Socket | undefined
  #failures = 0
  #clearTimer: () => void = () => {}

  constructor({ open, receiver, clock, random, online }: ConnectionOptions) {
    this.#open = open
    this.#receiver = receiver
    this.#clock = clock
    this.#random = random
    this.#online = online
  }

  /** Calls `listener` after every change of state; returns the undo. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** The same object until the state changes. */
  getSnapshot(): ConnectionState {
    return this.#state
  }

  /** Connects now, unless a connection is there or on its way. Cuts a wait short. */
  connect(): void {
    if (this.#socket !== undefined) return
    const socket = this.#open({
      open: () => {
        if (socket === this.#socket) this.#opened()
      },
      message: (data) => {
        if (socket === this.#socket) this.#receiver.message(data)
      },
      close: (code) => {
        if (socket === this.#socket) this.#ended(code)
      },
    })
    this.#socket = socket
    this.#setTimer(CONNECT_TIMEOUT, () => this.drop())
    this.#setState({ status: 'connecting', failures: this.#failures })
  }

  /** Sends one text; false, and nothing sent, when there is no open connection. */
  send(text: string): boolean {
    if (this.#state.status !== 'connected' || this.#socket === undefined) return false
    this.#socket.send(text)
    return true
  }

  /** Gives up a socket that seems dead, and connects anew. The receiver is not told. */
  drop(): void {
    if (this.#socket === undefined) return
    this.#abandon()
    this.#wait(retryDelay(this.#failures++, this.#random))
  }

  /** What the device says of its network. A network that is back ends a wait at once. */
  setOnline(online: boolean): void {
    this.#online = online
    const state = this.#state
    if (state.status !== 'reconnecting' && state.status !== 'offline') return
    if (online) this.connect()
    else this.#setState({ ...state, status: 'offline' })
  }

  /** Ends the connection for good; the receiver is not told. `connect` would begin a new one. */
  close(): void {
    this.#clearTimer()
    this.#abandon()
    this.#setState({ status: 'closed' })
  }

  #opened(): void {
    this.#setTimer(SETTLED_AFTER, () => {
      this.#failures = 0
    })
    this.#setState({ status: 'connected', failures: this.#failures })
  }

  #ended(code: number): void {
    const wasOpen = this.#state.status === 'connected'
    this.#socket = undefined
    const backoff = retryDelay(this.#failures++, this.#random)
    this.#wait(code === SERVICE_RESTART ? restartDelay(this.#random) : backoff)
    if (wasOpen) this.#receiver.lost(code)
  }

  #wait(delay: number): void {
    this.#setTimer(delay, () => this.connect())
    this.#setState({
      status: this.#online ? 'reconnecting' : 'offline',
      failures: this.#failures,
      retryAt: this.#clock.now() + delay,
    })
  }

  #abandon(): void {
    const socket = this.#socket
    this.#socket = undefined
    socket?.close()
  }

  #setTimer(delay: number, run: () => void): void {
    this.#clearTimer()
    this.#clearTimer = this.#clock.after(delay, run)
  }

  #setState(state: ConnectionState): void {
    this.#state = state
    for (const listener of this.#listeners) listener()
  }
}
