/**
 * A consumer's transport over `ws`. It reports messages to its session and, once, how the connection ended.
 */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import { rejected } from '../../consumers/session/connection-end.ts'
import type { ThrownResponse } from '../../consumers/thrown-response.ts'
import type { ConsumerSession } from '../../consumers/session/session.ts'
import { TextFrame } from '../../consumers/text-frame.ts'
import {
  type AcceptOptions,
  ConnectionClosedError,
  type Transport,
  type WebSocketData,
} from '../../consumers/transport.ts'
import { CloseCode } from '../../protocol/close-codes.ts'
import type { HttpError } from '../../protocol/errors.ts'
import { binaryFrame } from './binary-frame.ts'
import { flushAfterTask, flushAfterTurn } from './flusher.ts'
import { type Beating, CLOSE_TIMEOUT, type Heartbeat } from './heartbeat.ts'
import type { ResolvedOptions } from '../options.ts'
import { Outbox, WORTH_A_WRITE } from './outbox.ts'
import { PendingHandshake, type UpgradeRequest } from './pending-handshake.ts'
import { type UnreadWatch, type Watched, bytesTaken } from './unread-watch.ts'
import type { Handshakers, ObservedWebSocket, WebSocketObserver } from './websocket-server.ts'

/** Shared by all connections of a gateway. */
export interface TransportContext {
  readonly handshakers: Handshakers
  readonly heartbeat: Heartbeat
  readonly unread: UnreadWatch
  readonly limits: ResolvedOptions
}

/** How a connection ended, for the access log. */
export interface ConnectionFigures {
  readonly code: number
  /** Bytes over the wire in each direction, without those that the kernel never took. */
  readonly sent: number
  readonly received: number
}

export class WebSocketTransport implements Transport, Beating, Watched, WebSocketObserver {
  /** Set by the gateway when it makes the session, before any event. */
  session: ConsumerSession | undefined
  /** The limit of the route; undefined for the server's own. Set with the session. */
  maxMessageSize: number | undefined
  readonly socket: Duplex
  /** Resolves when nothing is left of the connection. */
  readonly closed: Promise<void>
  readonly #context: TransportContext
  readonly #outbox: Outbox
  #handshake: PendingHandshake | undefined
  #ws: ObservedWebSocket | undefined
  #over: ConnectionClosedError | undefined
  /** A `write` returned false, and `drained` was not called since. */
  #full = false
  /**
   * Awaited by all senders whose message did not fit. A promise for each would cost more than most messages.
   */
  #room: PromiseWithResolvers<void> | undefined
  #takenAtPing = 0
  /** Seconds after the close frame in which nothing waited to be sent. */
  #closing = 0

  constructor(request: UpgradeRequest, context: TransportContext) {
    this.#context = context
    this.socket = request.socket
    this.#outbox = new Outbox(request.socket, this.#onWritten)
    this.closed = whenClosed(request.socket)
    this.#handshake = new PendingHandshake(request, () =>
      this.#end(CloseCode.abnormal, 'The client left during the handshake'),
    )
  }

  /** Whether the handshake was answered, or the client has left. */
  get answered(): boolean {
    return this.#handshake?.isAnswered ?? true
  }

  get paused(): boolean {
    return this.#ws?.isPaused ?? false
  }

  /** How the connection ended; undefined for a handshake that was not accepted. */
  get figures(): ConnectionFigures | undefined {
    if (!this.#ws) return undefined
    const { bytesWritten = 0, bytesRead = 0 } = this.socket as Partial<Socket>
    const sent = bytesWritten - this.socket.writableLength
    return { code: this.#over?.code ?? CloseCode.abnormal, sent, received: bytesRead }
  }

  accept(options: AcceptOptions): void {
    const { handshakers, heartbeat, unread } = this.#context
    const ws = this.#handshake?.accept(handshakers.for(this.maxMessageSize), options)
    if (!ws) throw this.#end(CloseCode.abnormal, 'The client left during the handshake')
    this.#handshake = undefined
    this.#ws = ws
    ws.observe(this)
    heartbeat.add(this)
    unread.add(this)
  }

  refuse(refusal: ThrownResponse): void {
    this.#handshake?.refuse(refusal, this.#context.limits.serverName)
  }

  /** Refuses a handshake that its consumer has not answered, and tells the consumer. */
  abandon(error: HttpError): void {
    this.refuse(error)
    this.#end(CloseCode.abnormal, error.message)
  }

  send(data: WebSocketData): Promise<void> | undefined {
    if (this.#over) return rejected(this.#over)
    if (!this.#ws) return Promise.reject(new Error('not accepted'))
    const outbox = this.#outbox
    const { highWaterMark, maxUnsent } = this.#context.limits
    // One message may be larger than the limit; the others count without it.
    if (outbox.unsent - outbox.largest > maxUnsent) return rejected(this.#cutOverfull())
    if (typeof data === 'string') outbox.add(TextFrame.of(data).bytes)
    else for (const part of binaryFrame(data)) outbox.add(part)
    flushAfterTurn(outbox)
    if (outbox.unsent <= highWaterMark) return undefined
    this.#room ??= newRoom()
    return this.#room.promise
  }

  write({ bytes, rest }: TextFrame): boolean {
    // When `ws` closes, it either calls the observer or ends the socket, so its state need not be checked.
    if (!this.#ws || this.#over || !this.socket.writable) return false
    const outbox = this.#outbox
    outbox.add(bytes)
    if (rest) outbox.add(rest)
    if ((rest ?? bytes).length < WORTH_A_WRITE || outbox.scheduled) flushAfterTask(outbox)
    else outbox.flush()
    // Stays false until `drained` is called, even if there is room earlier, because the caller waits for
    // that.
    this.#full ||= outbox.unsent > this.#context.limits.highWaterMark
    return !this.#full
  }

  close(code: number, reason: string): void {
    this.#ws?.close(code, reason)
  }

  pause(): void {
    this.#ws?.pause()
  }

  resume(): void {
    this.#ws?.resume()
  }

  ping(): void {
    this.#takenAtPing = bytesTaken(this.socket)
    if (this.#ws?.readyState === WebSocket.OPEN) this.#ws.ping()
  }

  /** A ping may wait behind megabytes that the client reads as fast as it can. */
  get progressed(): boolean {
    return this.socket.writableLength > 0 && bytesTaken(this.socket) > this.#takenAtPing
  }

  terminate(): void {
    this.#cut(CloseCode.abnormal, 'The client does not answer')
  }

  cutUnread(): void {
    const { unreadTimeout: seconds } = this.#context.limits
    this.session?.explain('info', 'client cut off: it does not read', {
      unsent: this.#outbox.unsent,
      seconds,
    })
    this.#cut(CloseCode.policyViolation, 'The client does not read')
  }

  cutSlow(): void {
    this.session?.explain('info', 'client cut off: it reads slowly, and others wait for large records', {
      unsent: this.#outbox.unsent,
    })
    this.#cut(CloseCode.policyViolation, 'The client reads too slowly')
  }

  expire(): void {
    this.session?.close(CloseCode.goingAway, 'The connection reached its longest life')
  }

  closingStill(): boolean {
    const { socket } = this
    // Earlier messages have to arrive. While some wait here, only `cutUnread` ends the connection.
    if (socket.writableLength > 0) return true
    // The kernel has the rest. Only the sending half is closed: if the socket were closed as a whole, data
    // that the client sends before it has read everything would make its system drop the rest.
    socket.end()
    this.#closing += CLOSE_TIMEOUT
    if (this.#closing <= this.#context.limits.unreadTimeout) return true
    socket.destroy()
    return false
  }

  onMessage(data: Buffer, isBinary: boolean): void {
    this.#context.heartbeat.alive(this)
    this.session?.message(isBinary ? data : data.toString('utf8'))
  }

  onSign(): void {
    this.#context.heartbeat.alive(this)
  }

  beforeClosing(): void {
    this.#outbox.release()
  }

  onClosing(code: number, reason: string): void {
    this.#context.heartbeat.closes(this)
    this.#end(code, reason)
  }

  onGone(): void {
    this.#context.heartbeat.delete(this)
    this.#context.unread.delete(this)
    this.#end(CloseCode.abnormal, 'The connection was lost')
    this.session?.gone()
  }

  /** The kernel has taken a write, or the socket is gone. */
  readonly #onWritten = (error: Error | undefined): void => {
    if (error) return void this.#end(CloseCode.abnormal, 'The connection was lost')
    if (this.#over) return
    if (!this.#room && !this.#full) return
    // A pong may wait behind this data, and a client that reads it is not dead.
    this.#context.heartbeat.alive(this)
    if (this.#outbox.unsent > this.#context.limits.highWaterMark) return
    this.#room?.resolve()
    this.#room = undefined
    if (!this.#full) return
    this.#full = false
    this.session?.drained()
  }

  #cutOverfull(): ConnectionClosedError {
    const fields = { unsent: this.#outbox.unsent, limit: this.#context.limits.maxUnsent }
    this.session?.explain('warn', CUT_OVERFULL, fields)
    return this.#cut(CloseCode.policyViolation, 'The client does not read')
  }

  /** Ends the connection without a close frame, for which there is no room; the client sees 1006. */
  #cut(code: number, reason: string): ConnectionClosedError {
    const closed = this.#end(code, reason)
    this.socket.destroy()
    return closed
  }

  /** The first call decides how the connection ended. Later calls return that. */
  #end(code: number, reason: string): ConnectionClosedError {
    if (this.#over) return this.#over
    this.#over = new ConnectionClosedError(code, reason)
    this.#handshake = undefined
    this.#outbox.clear()
    this.#room?.reject(this.#over)
    this.#room = undefined
    this.session?.disconnected(code, reason)
    return this.#over
  }
}

const CUT_OVERFULL =
  'client cut off: its unsent messages exceed maxUnsent; await this.send(…), so that the handler waits for a slow client'

/** A promise whose rejection need not be handled: a handler that does not await must not end the process. */
function newRoom(): PromiseWithResolvers<void> {
  const room = Promise.withResolvers<void>()
  room.promise.catch(ignore)
  return room
}

/** Outside the class: a closure in its constructor would keep the request for as long as the socket lives. */
function whenClosed(socket: Duplex): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

function ignore(): void {}
