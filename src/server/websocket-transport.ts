/**
 * A consumer's transport over `ws`. It reports to its session what arrives and, once, how the
 * connection ended.
 */
import type { Duplex } from 'node:stream'
import { WebSocket } from 'ws'
import type { ConsumerSession } from '../consumers/session.ts'
import { TextFrame } from '../consumers/text-frame.ts'
import {
  type AcceptOptions,
  ConnectionClosed,
  type Transport,
  type WebSocketData,
} from '../consumers/transport.ts'
import { CloseCode } from '../protocol/close-codes.ts'
import type { HttpError } from '../protocol/errors.ts'
import { corkForThisTask, corkForThisTurn } from './flusher.ts'
import type { Beating, Heartbeat } from './heartbeat.ts'
import type { ResolvedOptions } from './options.ts'
import { PendingHandshake, type UpgradeRequest } from './pending-handshake.ts'
import type { ObservedWebSocket, WebSocketHandshaker, WebSocketObserver } from './websocket-server.ts'

/** Bytes of a frame of which copying them is most of what it costs. */
const WORTH_A_WRITE = 16 * 1024

/** What all connections of a gateway share. */
export interface TransportContext {
  readonly server: WebSocketHandshaker
  readonly heartbeat: Heartbeat
  readonly limits: ResolvedOptions
}

export class WebSocketTransport implements Transport, Beating, WebSocketObserver {
  /** Set by whoever makes the session that this transport serves, before anything else happens. */
  session: ConsumerSession | undefined
  /** Resolves when nothing is left of the connection. */
  readonly closed: Promise<void>
  readonly #context: TransportContext
  readonly #socket: Duplex
  #handshake: PendingHandshake | undefined
  #ws: ObservedWebSocket | undefined
  #over: ConnectionClosed | undefined
  /** A `write` said that there is no room. */
  #full = false
  /** Frames under way that were written past the high-water mark. */
  #excess = 0

  constructor(request: UpgradeRequest, context: TransportContext) {
    this.#context = context
    this.#socket = request.socket
    this.closed = whenClosed(request.socket)
    this.#handshake = new PendingHandshake(request, () =>
      this.#end(CloseCode.abnormal, 'The client left during the handshake'),
    )
  }

  /** The handshake was answered, or there is nobody left to answer. */
  get answered(): boolean {
    return this.#handshake === undefined
  }

  get paused(): boolean {
    return this.#ws?.isPaused ?? false
  }

  accept(options: AcceptOptions): void {
    const { server, heartbeat } = this.#context
    const ws = this.#handshake?.accept(server, options)
    if (!ws) throw this.#end(CloseCode.abnormal, 'The client left during the handshake')
    this.#handshake = undefined
    this.#ws = ws
    ws.observe(this)
    heartbeat.add(this)
  }

  refuse(error: HttpError): void {
    const handshake = this.#handshake
    this.#handshake = undefined
    handshake?.refuse(error, this.#context.limits.serverName)
  }

  /** Refuses a handshake that is still open over its consumer's head, and tells the consumer. */
  abandon(error: HttpError): void {
    this.refuse(error)
    this.#end(CloseCode.abnormal, error.message)
  }

  send(data: WebSocketData): Promise<void> | undefined {
    const ws = this.#ws
    if (!ws || this.#over) return Promise.reject(this.#over ?? new Error('not accepted'))
    const { highWaterMark, maxUnsent } = this.#context.limits
    const unsent = ws.bufferedAmount
    if (unsent > maxUnsent) return Promise.reject(this.#cut())
    corkForThisTurn(this.#socket)
    if (unsent + data.length <= highWaterMark) {
      // In one piece, where `ws` would write the frame's head and the text apart.
      if (typeof data === 'string' && ws.readyState === WebSocket.OPEN)
        this.#socket.write(new TextFrame(data).bytes)
      else ws.send(data)
      return undefined
    }
    // The callback comes when the kernel took the last byte, or when the socket is gone.
    return new Promise((resolve, reject) => {
      ws.send(data, (error) => {
        if (error) return reject(this.#end(CloseCode.abnormal, 'The connection was lost'))
        // A pong may wait behind all this, and whoever takes it is not dead.
        this.#context.heartbeat.alive(this)
        resolve()
      })
    })
  }

  write({ bytes }: TextFrame): boolean {
    const socket = this.#socket
    // Once `ws` has begun to close it says so, or ends the socket: it need not be looked for as well.
    if (!this.#ws || this.#over || !socket.writable) return false
    const { highWaterMark } = this.#context.limits
    if (bytes.length < WORTH_A_WRITE) corkForThisTask(socket)
    // Past `ws`, which would copy what is framed already. Without compression it writes at once, so
    // that nothing of its own can be overtaken.
    const fits = socket.writableLength + bytes.length <= highWaterMark
    if (!fits) this.#excess++
    socket.write(bytes, fits ? undefined : this.#onWritten)
    // Until `drained` was called, also where there is room before: who was refused waits for that.
    this.#full ||= socket.writableLength > highWaterMark
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
    if (this.#ws?.readyState === WebSocket.OPEN) this.#ws.ping()
  }

  terminate(): void {
    this.#end(CloseCode.abnormal, 'The client does not answer')
    this.#socket.destroy()
  }

  expire(): void {
    this.session?.close(CloseCode.goingAway, 'The connection reached its longest life')
  }

  onMessage(data: Buffer, isBinary: boolean): void {
    this.#context.heartbeat.alive(this)
    this.session?.message(isBinary ? data : data.toString('utf8'))
  }

  onSign(): void {
    this.#context.heartbeat.alive(this)
  }

  onClosing(code: number, reason: string): void {
    this.#end(code, reason)
  }

  onGone(): void {
    this.#context.heartbeat.delete(this)
    this.#end(CloseCode.abnormal, 'The connection was lost')
  }

  /** The kernel took the last byte of a frame that did not fit, or the socket is gone. */
  readonly #onWritten = (error?: Error | null): void => {
    if (--this.#excess > 0 || error || !this.#full) return
    this.#full = false
    // A pong may wait behind all this, and whoever takes it is not dead.
    this.#context.heartbeat.alive(this)
    this.session?.drained()
  }

  /** There is no room left even for a close frame, so the client learns nothing but 1006. */
  #cut(): ConnectionClosed {
    const closed = this.#end(CloseCode.policyViolation, 'The client does not read')
    this.#socket.destroy()
    return closed
  }

  /** The first call says how the connection ended; later ones get what it said. */
  #end(code: number, reason: string): ConnectionClosed {
    if (this.#over) return this.#over
    this.#over = new ConnectionClosed(code, reason)
    this.#handshake = undefined
    this.session?.disconnected(code, reason)
    return this.#over
  }
}

/** Outside the class: a closure of its constructor would hold the request for as long as the socket lives. */
function whenClosed(socket: Duplex): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()))
}
