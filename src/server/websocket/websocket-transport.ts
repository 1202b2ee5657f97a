/**
 * A consumer's transport over `ws`. It reports to its session what arrives and, once, how the
 * connection ended.
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

/** What all connections of a gateway share. */
export interface TransportContext {
  readonly handshakers: Handshakers
  readonly heartbeat: Heartbeat
  readonly unread: UnreadWatch
  readonly limits: ResolvedOptions
}

/** How a connection ended, for the access log. */
export interface ConnectionFigures {
  readonly code: number
  /** Bytes over the wire, in either direction, less those that were never taken. */
  readonly sent: number
  readonly received: number
}

export class WebSocketTransport implements Transport, Beating, Watched, WebSocketObserver {
  /** Set by whoever makes the session that this transport serves, before anything else happens. */
  session: ConsumerSession | undefined
  /** Of its route; undefined for the server's own. Set with the session. */
  maxMessageSize: number | undefined
  readonly socket: Duplex
  /** Resolves when nothing is left of the connection. */
  readonly closed: Promise<void>
  readonly #context: TransportContext
  readonly #outbox: Outbox
  #handshake: PendingHandshake | undefined
  #ws: ObservedWebSocket | undefined
  #over: ConnectionClosedError | undefined
  /** A `write` said that there is no room. */
  #full = false
  /** All whose message did not fit wait for the same room: a promise for each would cost more than most messages. */
  #room: PromiseWithResolvers<void> | undefined
  #takenAtPing = 0
  /** Seconds since the close frame was sent in which nothing waited for the client. */
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

  /** The handshake was answered, or there is nobody left to answer. */
  get answered(): boolean {
    return this.#handshake?.isAnswered ?? true
  }

  get paused(): boolean {
    return this.#ws?.isPaused ?? false
  }

  /** Once it is over; undefined for a handshake that was not accepted. */
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

  /** Refuses a handshake that is still open over its consumer's head, and tells the consumer. */
  abandon(error: HttpError): void {
    this.refuse(error)
    this.#end(CloseCode.abnormal, error.message)
  }

  send(data: WebSocketData): Promise<void> | undefined {
    if (this.#over) return rejected(this.#over)
    if (!this.#ws) return Promise.reject(new Error('not accepted'))
    const outbox = this.#outbox
    const { highWaterMark, maxUnsent } = this.#context.limits
    // One message may be larger than the limit, and whatever is sent beside it counts by itself.
    if (outbox.unsent - outbox.largest > maxUnsent) return rejected(this.#cutOverfull())
    if (typeof data === 'string') outbox.add(TextFrame.of(data).bytes)
    else for (const part of binaryFrame(data)) outbox.add(part)
    flushAfterTurn(outbox)
    if (outbox.unsent <= highWaterMark) return undefined
    this.#room ??= newRoom()
    return this.#room.promise
  }

  write({ bytes, rest }: TextFrame): boolean {
    // Once `ws` has begun to close it says so, or ends the socket: it need not be looked for as well.
    if (!this.#ws || this.#over || !this.socket.writable) return false
    const outbox = this.#outbox
    outbox.add(bytes)
    if (rest) outbox.add(rest)
    if ((rest ?? bytes).length < WORTH_A_WRITE || outbox.scheduled) flushAfterTask(outbox)
    else outbox.flush()
    // Until `drained` was called, also where there is room before: who was refused waits for that.
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

  /** A ping, and the pong to it, may wait behind megabytes that the client reads as fast as it can. */
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
    // What was sent before has to arrive: as long as something waits here, `cutUnread` may end it.
    if (socket.writableLength > 0) return true
    // The rest is with the kernel. Half of the connection stays open: were it closed as a whole, anything
    // that the client says before it has read all would have its system throw away the rest.
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

  /** The kernel took what it was given, or the socket is gone. */
  readonly #onWritten = (error: Error | undefined): void => {
    if (error) return void this.#end(CloseCode.abnormal, 'The connection was lost')
    if (this.#over) return
    if (!this.#room && !this.#full) return
    // A pong may wait behind all this, and whoever takes it is not dead.
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

  /** There is no room left even for a close frame, so the client learns nothing but 1006. */
  #cut(code: number, reason: string): ConnectionClosedError {
    const closed = this.#end(code, reason)
    this.socket.destroy()
    return closed
  }

  /** The first call says how the connection ended; later ones get what it said. */
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
  'client cut off: more waits for it than maxUnsent; await this.send(…), so that the handler waits for a slow client'

/** One that may go unhandled: a handler that does not await must not bring the process down. */
function newRoom(): PromiseWithResolvers<void> {
  const room = Promise.withResolvers<void>()
  room.promise.catch(ignore)
  return room
}

/** Outside the class: a closure of its constructor would hold the request for as long as the socket lives. */
function whenClosed(socket: Duplex): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

function ignore(): void {}
