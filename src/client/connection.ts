/**
 * One WebSocket, made anew whenever it is lost and still needed: with growing, random pauses, at once
 * when the browser is back online or looked at again, and when a server that shuts down says so.
 *
 * There is one timer: for the next attempt, for a handshake, or for a sign of life. A socket that was
 * given up is not heard any more.
 */
import {
  type ClientFrame,
  type ServerFrame,
  STREAM_SUBPROTOCOL,
  readServerFrame,
} from '../protocol/stream-frames.ts'
import { retryDelay } from './backoff.ts'
import type { ConnectionState } from './carrier.ts'
import { onWakeUp } from './wake-up.ts'

/** The part of a WebSocket that is used. That of a browser, of Node and of `ws` fit. */
export interface SocketLike {
  send(text: string): void
  close(code?: number): void
  // What they are called with differs from platform to platform; `data` and `code` are everywhere.
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
}

export type SocketFactory = (url: string, protocol: string) => SocketLike

export interface ConnectionOptions {
  readonly url: string
  readonly open: SocketFactory
  /** Whether anybody needs the connection. One that nobody needs is not made anew. */
  readonly needed: () => boolean
  /** Whether the server answers over plain HTTP. Never rejects. */
  readonly reachable: () => Promise<boolean>
}

/** What a connection tells its owner. */
export interface ConnectionEvents {
  stateChanged(): void
  opened(): void
  received(frame: ServerFrame): void
  /** Before the state changes. `code` is that of the WebSocket's close, 1006 when it had none. */
  lost(code: number): void
  /** The server is there, and WebSockets do not get through to it. */
  blocked(): void
}

/** Seconds of silence after which the server is asked for a sign of life, and for which it is awaited. */
const QUIET = 25
const ANSWER = 10
/** The same after the browser woke up, when the connection is as likely dead as alive. */
const ANSWER_AFTER_WAKE = 5
/** Questions in a row that may go unanswered at most: 105 s of silence. */
const MOST_PATIENCE = 8
/** The same after the browser woke up. */
const MOST_PATIENCE_AFTER_WAKE = 2
/** Seconds for a connection to be made. */
const OPENING = 10
/** Seconds for which a connection has to hold before the next loss counts as the first. */
const STEADY = 2
const NORMAL = 1000
const ABNORMAL = 1006

export class Connection {
  state: ConnectionState = 'idle'
  readonly #options: ConnectionOptions
  readonly #events: ConnectionEvents
  readonly #forgetWakeUp: () => void
  #socket: SocketLike | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #attempts = 0
  #openedAt = 0
  /** How many questions in a row may go unanswered: more after each socket that fell silent early. */
  #patience = 1
  /** Whether a frame came over this socket: an open one may still let nothing through. */
  #heard = false
  /** Whether the server answered over HTTP since a socket was last heard. */
  #reachable = false
  #returnAfter: number | undefined

  constructor(options: ConnectionOptions, events: ConnectionEvents) {
    this.#options = options
    this.#events = events
    this.#forgetWakeUp = onWakeUp(() => this.#wake())
  }

  /** Connects, unless a connection is there or on its way. */
  connect(): void {
    if (this.state !== 'idle') return
    this.#become('connecting')
    this.#dial()
  }

  /** For when it is connected. */
  send(frame: ClientFrame): void {
    this.#socket?.send(JSON.stringify(frame))
  }

  close(): void {
    if (this.state === 'closed') return
    this.#forgetWakeUp()
    this.#abandon()
    this.#become('closed')
  }

  #dial(): void {
    this.#heard = false
    this.#after(OPENING, () => this.#giveUp())
    try {
      const socket = this.#options.open(this.#options.url, STREAM_SUBPROTOCOL)
      this.#socket = socket
      socket.onopen = () => this.#opened()
      socket.onmessage = ({ data }: { readonly data: unknown }) => this.#received(data)
      socket.onclose = ({ code }: { readonly code: number }) => this.#lost(code)
      // A close follows. Sockets of Node's `ws` throw what nobody listens for.
      socket.onerror = ignore
    } catch {
      // Browsers throw for `ws:` in a page that came over https.
      this.#lost(ABNORMAL)
    }
  }

  #opened(): void {
    this.#openedAt = performance.now()
    this.#probe(ANSWER)
    this.state = 'connected'
    this.#events.opened()
    this.#events.stateChanged()
  }

  #received(data: unknown): void {
    this.#heard = true
    this.#reachable = false
    if (performance.now() - this.#openedAt > QUIET * 1000) this.#patience = 1
    this.#after(QUIET, () => this.#quiet())
    const frame = readServerFrame(String(data))
    if (frame?.type === 'drain') this.#returnAfter = frame.after
    else if (frame && frame.type !== 'pong') this.#events.received(frame)
  }

  #quiet(): void {
    if (this.#options.needed()) return this.#probe(ANSWER)
    this.#abandon()
    this.#become('idle')
  }

  /**
   * Asks for a sign of life, again while there is patience, and gives the connection up unless one comes.
   * The questions are also the signs of life that the server waits for.
   */
  #probe(seconds: number, times: number = this.#heard ? this.#patience : 1): void {
    this.send({ type: 'ping' })
    this.#after(seconds, () => (times > 1 ? this.#probe(seconds, times - 1) : this.#giveUp()))
  }

  #giveUp(): void {
    // A large message on a slow network is silent until its last byte, and would come anew each time.
    // When nothing comes after the longest wait either, the network is dead at times, and not slow.
    if (this.#heard) this.#patience = this.#patience < MOST_PATIENCE ? 2 * this.#patience : 1
    this.#abandon()
    this.#lost(ABNORMAL)
  }

  #lost(code: number): void {
    this.#abandon()
    const held = this.state === 'connected' && performance.now() - this.#openedAt >= STEADY * 1000
    if (held) this.#attempts = 0
    // However soon a server wants its clients back, one that says so again and again is not stormed.
    const delay =
      this.#returnAfter === undefined
        ? retryDelay(this.#attempts++)
        : Math.max(this.#returnAfter, retryDelay(0))
    const suspect = !this.#heard
    this.#returnAfter = undefined
    this.#events.lost(code)
    if (!this.#options.needed()) return this.#become('idle')
    if (suspect && this.#reachable) return this.#events.blocked()
    this.#after(delay, () => void this.#retry(suspect))
    this.#become('reconnecting')
  }

  async #retry(suspect: boolean): Promise<void> {
    const reachable = suspect && (await this.#options.reachable())
    // Meanwhile it may have been closed, or woken up.
    if (this.state !== 'reconnecting' || this.#socket) return
    this.#reachable = reachable
    this.#dial()
  }

  #wake(): void {
    if (this.state === 'connected') {
      return this.#probe(ANSWER_AFTER_WAKE, Math.min(this.#patience, MOST_PATIENCE_AFTER_WAKE))
    }
    if (this.state !== 'reconnecting' || this.#socket) return
    this.#attempts = 0
    this.#dial()
  }

  /** Lets go of a socket and the timer without hearing more of either. */
  #abandon(): void {
    clearTimeout(this.#timer)
    const socket = this.#socket
    this.#socket = undefined
    if (!socket) return
    socket.onopen = socket.onmessage = socket.onclose = null
    socket.close(NORMAL)
  }

  #after(seconds: number, run: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(run, seconds * 1000)
  }

  #become(state: ConnectionState): void {
    if (this.state === state) return
    this.state = state
    this.#events.stateChanged()
  }
}

function ignore(): void {}
