/**
 * One WebSocket that connects again when it is lost and still needed: after growing, random pauses; at once when
 * the browser is back online or the page is looked at again; and when a server that shuts down says to.
 *
 * It has one timer: for the next attempt, for a handshake, or for a sign of life. A socket that was given up is
 * not listened to any more.
 */
import { type ClientFrame, type ServerFrame, readServerFrame } from '../../protocol/stream-frames.ts'
import { retryDelay } from '../network/backoff.ts'
import type { ConnectionState } from '../carrier.ts'
import type { Finding } from './diagnosis.ts'
import { type Setback, StreamError, disconnected, offline, unreachable } from '../errors.ts'
import { isOwn } from '../network/requests.ts'
import { type SocketFactory, type SocketLike, protocolsWith } from './platform-socket.ts'
import { type TokenSource, askForToken } from '../network/token.ts'
import { onWakeUp } from '../network/wake-up.ts'

export interface ReconnectingSocketOptions {
  readonly url: string
  readonly open: SocketFactory
  /** Whether anybody needs the connection. Without need it is not made again. */
  readonly needed: () => boolean
  readonly token?: TokenSource | undefined
  /** Why a WebSocket failed, as far as the server tells over plain HTTP. Never rejects. */
  readonly diagnose: () => Promise<Finding>
}

/** What a socket tells its owner. */
export interface ReconnectingSocketEvents {
  stateChanged(): void
  opened(): void
  received(frame: ServerFrame): void
  /** Before the state changes. `code` is that of the WebSocket's close, 1006 when it had none. */
  lost(code: number): void
  /** The server serves streams over HTTP, and WebSockets do not get through. */
  blocked(): void
  /** The server refused, and would again. Called before the state becomes `idle`. */
  refused(error: StreamError): void
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
/** Refusals in a row that are not Millrace's own before they are believed: they may be another server's. */
const FOREIGN_REFUSALS = 4
/** Sign-outs in a row before a server that lets the client in each time is believed. */
const SIGN_OUTS = 3
const NORMAL = 1000
const ABNORMAL = 1006

export class ReconnectingSocket {
  /** Why there is no connection; undefined while there is one, and while the first one is made. */
  error: StreamError | undefined
  readonly #options: ReconnectingSocketOptions
  readonly #events: ReconnectingSocketEvents
  readonly #forgetWakeUp: () => void
  #state: ConnectionState = 'idle'
  /** The attempt that is under way, or came to a socket; compared by what comes of it. */
  #attempt: object | undefined
  #socket: SocketLike | undefined
  /** The browser said that it has no network, and nothing was heard since. It may be wrong of this server. */
  #doubted = false
  #timer: ReturnType<typeof setTimeout> | undefined
  #attempts = 0
  #openedAt = 0
  /** How many questions in a row may go unanswered: more after each socket that fell silent early. */
  #patience = 1
  /** Whether a frame came over this socket: an open one may still let nothing through. */
  #heard = false
  #everHeard = false
  /** What the server said over HTTP since a socket was last heard. */
  #finding: Finding | undefined
  #foreignRefusals = 0
  /** How many sockets in a row closed because their user had signed out. */
  #signOuts = 0
  #returnAfter: number | undefined

  constructor(options: ReconnectingSocketOptions, events: ReconnectingSocketEvents) {
    this.#options = options
    this.#events = events
    this.#forgetWakeUp = onWakeUp(
      () => this.#wake(),
      () => this.#doubt(),
    )
  }

  get state(): ConnectionState {
    const isThere = this.#state === 'connected' || this.#state === 'connecting'
    return isThere && this.#doubted ? 'reconnecting' : this.#state
  }

  /** Whether frames can be sent, whatever the browser says. */
  get isOpen(): boolean {
    return this.#state === 'connected'
  }

  /** Connects, unless a connection is there or on its way. */
  connect(): void {
    if (this.#state !== 'idle') return
    this.error = undefined
    this.#become('connecting')
    this.#dial()
  }

  /** For when it is connected. */
  send(frame: ClientFrame): void {
    this.#socket?.send(JSON.stringify(frame))
  }

  close(): void {
    if (this.#state === 'closed') return
    this.#forgetWakeUp()
    this.#abandon()
    this.error = undefined
    this.#become('closed')
  }

  #dial(): void {
    const { token } = this.#options
    const attempt = {}
    this.#attempt = attempt
    this.#heard = false
    this.#after(OPENING, () => this.#giveUp())
    if (token === undefined) return this.#open()
    const isRefused = this.#signOuts > 0 || this.#finding?.refusal?.code === 'unauthenticated'
    askForToken(token, isRefused).then(
      (given) => {
        if (this.#attempt === attempt) this.#open(given)
      },
      (error: unknown) => {
        if (this.#attempt === attempt) this.#lost(ABNORMAL, (error as Setback).why)
      },
    )
  }

  #open(token?: string): void {
    const { url, open } = this.#options
    try {
      const socket = open(url, protocolsWith(token))
      this.#socket = socket
      socket.onopen = () => this.#opened()
      socket.onmessage = ({ data }: { readonly data: unknown }) => this.#received(data)
      socket.onclose = ({ code, reason }: { readonly code: number; readonly reason?: string }) =>
        this.#lost(code, this.isOpen ? disconnected(code, reason) : undefined)
      // A close follows. Without a listener, sockets of the package `ws` throw.
      socket.onerror = ignore
    } catch (error) {
      // Browsers throw for `ws:` in a page that was loaded over https.
      this.#lost(ABNORMAL, new StreamError('unreachable', String(error)))
    }
  }

  #opened(): void {
    this.#openedAt = performance.now()
    this.#probe(ANSWER)
    this.error = this.#doubted ? this.error : undefined
    this.#state = 'connected'
    this.#events.opened()
    this.#events.stateChanged()
  }

  #received(data: unknown): void {
    this.#heard = this.#everHeard = true
    this.#finding = undefined
    this.#foreignRefusals = 0
    this.#trust()
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
   * Asks for a sign of life, several times if there is patience, and gives the connection up unless one comes. The
   * questions are also the signs of life that the server waits for.
   */
  #probe(seconds: number, times: number = this.#heard ? this.#patience : 1): void {
    this.send({ type: 'ping' })
    this.#after(seconds, () => (times > 1 ? this.#probe(seconds, times - 1) : this.#giveUp()))
  }

  #giveUp(): void {
    // A large message on a slow network is silent until its last byte, and would be sent again on each connection.
    // When even the longest wait brings nothing, the network is dead at times, not slow.
    const slow = this.#heard && !this.#doubted
    if (slow) this.#patience = this.#patience < MOST_PATIENCE ? 2 * this.#patience : 1
    const error = slow ? new StreamError('silent', 'The server fell silent.') : undefined
    this.#abandon()
    this.#lost(ABNORMAL, error)
  }

  #lost(code: number, error?: StreamError): void {
    this.#abandon()
    this.#doubted = false
    const held = this.#state === 'connected' && performance.now() - this.#openedAt >= STEADY * 1000
    if (held) this.#attempts = 0
    // There is a pause even if the server wants its clients back at once: it may say so again and again.
    const delay =
      this.#returnAfter === undefined
        ? retryDelay(this.#attempts++)
        : Math.max(this.#returnAfter, retryDelay(0))
    const suspect = !this.#heard
    const finding = suspect ? this.#finding : undefined
    if (error?.code !== 'unauthenticated') this.#signOuts = 0
    else this.#signOuts = held ? 1 : this.#signOuts + 1
    this.#returnAfter = undefined
    this.#events.lost(code)
    if (!this.#options.needed()) return this.#become('idle')
    // Only the second time: a server that was down may have come back just as it was asked.
    if (finding?.overHttp) return this.#events.blocked()
    if (finding?.refusal && this.#believes(finding.refusal)) return this.#refused(finding.refusal)
    if (error && this.#signOuts >= SIGN_OUTS) return this.#refused(error)
    const before = this.error
    // A refused handshake looks like no answer. After a sign-out it is no news.
    const known = before?.code === 'unauthenticated' ? before : undefined
    this.error = finding?.refusal ?? finding?.error ?? error ?? known ?? unreachable(this.#options.url)
    this.#after(Math.max(delay, this.error.retryAfter ?? 0), () => void this.#retry(suspect))
    if (this.#state === 'reconnecting' && before?.message !== this.error.message) this.#events.stateChanged()
    this.#become('reconnecting')
  }

  async #retry(suspect: boolean): Promise<void> {
    const finding = suspect ? await this.#options.diagnose() : undefined
    // Meanwhile the socket may have been closed, or have connected.
    if (this.#state !== 'reconnecting' || this.#attempt) return
    this.#finding = finding
    const error = finding?.refusal ?? finding?.error
    if (error && error.message !== this.error?.message) {
      this.error = error
      this.#events.stateChanged()
    }
    this.#dial()
  }

  /** One that is not Millrace's own may come from whoever shares the server, or stands before it. */
  #believes(refusal: StreamError): boolean {
    return isOwn(refusal) || (!this.#everHeard && ++this.#foreignRefusals >= FOREIGN_REFUSALS)
  }

  #refused(error: StreamError): void {
    this.#finding = undefined
    this.#foreignRefusals = 0
    this.error = error
    this.#events.refused(error)
    this.#become('idle')
  }

  /** The browser says that it has no network: that is shown at once, and the connection asked whether it is so. */
  #doubt(): void {
    if (this.#state === 'idle' || this.#state === 'closed') return
    this.#doubted = this.#state !== 'reconnecting'
    this.error = offline()
    if (this.isOpen) this.#probe(ANSWER_AFTER_WAKE, 1)
    this.#events.stateChanged()
  }

  #trust(): void {
    if (!this.#doubted) return
    this.#doubted = false
    this.error = undefined
    this.#events.stateChanged()
  }

  #wake(): void {
    if (this.isOpen) {
      return this.#probe(ANSWER_AFTER_WAKE, Math.min(this.#patience, MOST_PATIENCE_AFTER_WAKE))
    }
    if (this.#state !== 'reconnecting' || this.#attempt) return
    this.#attempts = 0
    this.#dial()
  }

  /** Lets go of a socket and the timer without hearing more of either. */
  #abandon(): void {
    clearTimeout(this.#timer)
    this.#attempt = undefined
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
    if (this.#state === state) return
    this.#state = state
    this.#events.stateChanged()
  }
}

function ignore(): void {}
