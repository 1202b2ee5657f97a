/**
 * A consumer's transport over `ws`.
 *
 * Before `accept` it owns the raw socket and can answer with plain HTTP; afterwards `ws` does. It
 * reports to its session what arrives and, once, how the connection ended.
 */
import type { IncomingMessage } from 'node:http'
import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ServerOptions, WebSocket, WebSocketServer } from 'ws'
import type { ConsumerSession } from '../consumers/session.ts'
import { type AcceptOptions, ConnectionClosed, type Transport, type WebSocketData } from '../consumers/transport.ts'
import { CloseCode } from '../protocol/close-codes.ts'
import { HttpError } from '../protocol/errors.ts'
import { corkForThisTurn } from './flusher.ts'
import { answerOnSocket } from './handshake.ts'
import type { Beating, Heartbeat } from './heartbeat.ts'
import type { ResolvedOptions } from './options.ts'

/** Seconds that a peer has to answer a close frame before the socket is cut. */
const CLOSE_TIMEOUT = 5

/** Reads, of at most 64 KiB each, that are kept for a client that speaks before it is answered. */
const MAX_EARLY_CHUNKS = 4

/** What `ws` closes with of its own accord, and why, in words for the client. */
const REASONS: Readonly<Record<number, string>> = {
  [CloseCode.protocolError]: 'A frame breaks the WebSocket protocol',
  [CloseCode.invalidPayload]: 'A text frame is not valid UTF-8',
  [CloseCode.policyViolation]: 'A message comes in too many fragments',
  [CloseCode.messageTooBig]: 'A message is larger than the server accepts',
}

const CODE_OF_ERROR: Readonly<Record<string, number>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: CloseCode.messageTooBig,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: CloseCode.messageTooBig,
  WS_ERR_INVALID_UTF8: CloseCode.invalidPayload,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: CloseCode.policyViolation,
}

/** Says why, where `ws` by itself closes with a bare code. */
class ReasonedWebSocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    super.close(code, reason ?? (code === undefined ? undefined : REASONS[code]))
  }
}

const acceptOptions = new WeakMap<IncomingMessage, AcceptOptions>()

/** The `ws` server of a gateway: no port, no list of clients, no compression. */
export function createWebSocketServer(options: ResolvedOptions): WebSocketServer {
  // The published types lag behind: closeTimeout is an option of ws 8.23.
  const config: ServerOptions & { closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: options.maxMessageSize,
    maxFragments: options.maxFragments,
    closeTimeout: CLOSE_TIMEOUT * 1000,
    WebSocket: ReasonedWebSocket,
    handleProtocols: (_offered, incoming) => acceptOptions.get(incoming)?.subprotocol ?? false,
  }
  const server = new WebSocketServer(config)
  server.on('headers', (lines, incoming) => {
    if (options.serverName) lines.push(`server: ${options.serverName}`)
    for (const [name, value] of Object.entries(acceptOptions.get(incoming)?.headers ?? {})) {
      for (const item of typeof value === 'string' ? [value] : value) lines.push(`${name}: ${item}`)
    }
  })
  return server
}

export interface TransportOptions {
  readonly incoming: IncomingMessage
  readonly socket: Duplex
  /** What the client sent behind its handshake. */
  readonly head: Buffer
  readonly server: WebSocketServer
  readonly heartbeat: Heartbeat
  readonly limits: ResolvedOptions
  /** Runs once, when the handshake is answered with a status, or with 499 when the client left. */
  readonly onAnswer: (status: number) => void
}

export class WebSocketTransport implements Transport, Beating {
  /** Set by whoever makes the session that this transport serves, before anything else happens. */
  session: ConsumerSession | undefined
  /** Resolves when nothing is left of the connection. */
  readonly closed: Promise<void>
  readonly #socket: Duplex
  readonly #options: TransportOptions
  #ws: WebSocket | undefined
  #answered = false
  #over: ConnectionClosed | undefined

  #early: Buffer[]

  constructor(options: TransportOptions) {
    this.#options = options
    this.#socket = options.socket
    this.#early = [options.head]
    this.closed = new Promise((resolve) => options.socket.once('close', () => resolve()))
    // A socket that nobody reads does not tell that its peer has left.
    this.#socket.on('data', this.#keepEarly).once('end', this.#leftEarly).once('close', this.#lostBeforeAccept)
  }

  /** The handshake was answered, or there is nobody left to answer. */
  get answered(): boolean {
    return this.#answered
  }

  get paused(): boolean {
    return this.#ws?.isPaused ?? false
  }

  async accept(options: AcceptOptions): Promise<void> {
    checkHeaders(options.headers)
    if (this.#answered) throw this.#over ?? new ConnectionClosed(CloseCode.abnormal, 'the handshake is over')
    const { incoming, socket, server, heartbeat } = this.#options
    this.#answer(101)
    acceptOptions.set(incoming, options)
    const early = Buffer.concat(this.#early)
    this.#early = []
    server.handleUpgrade(incoming, socket, early, (ws) => {
      this.#ws = ws
      this.#listen(ws)
      heartbeat.add(this)
    })
    if (!this.#ws) throw new ConnectionClosed(CloseCode.abnormal, 'the handshake failed')
  }

  refuse(error: HttpError): void {
    if (this.#answered) return
    this.#answer(error.status)
    answerOnSocket(this.#socket, error, this.#options.limits.serverName)
  }

  send(data: WebSocketData): Promise<void> {
    const ws = this.#ws
    if (!ws || this.#over) return Promise.reject(this.#over ?? new Error('not accepted'))
    const { highWaterMark, maxUnsent } = this.#options.limits
    if (ws.bufferedAmount > maxUnsent) {
      this.#end(CloseCode.policyViolation, 'The client does not read')
      ws.terminate()
      return Promise.reject(this.#over)
    }
    corkForThisTurn(this.#socket)
    if (ws.bufferedAmount + data.length <= highWaterMark) {
      ws.send(data)
      return Promise.resolve()
    }
    // The callback comes when the kernel took the last byte, or when the socket is gone.
    return new Promise((resolve, reject) => {
      ws.send(data, (error) => (error ? reject(this.#over ?? lost()) : resolve()))
    })
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
    if (this.#ws) this.#ws.terminate()
    else this.#socket.destroy()
  }

  expire(): void {
    this.session?.close(CloseCode.goingAway, 'The connection reached its longest life')
  }

  #answer(status: number): void {
    this.#answered = true
    this.#socket.off('data', this.#keepEarly).off('end', this.#leftEarly).off('close', this.#lostBeforeAccept)
    this.#options.onAnswer(status)
  }

  readonly #keepEarly = (chunk: Buffer): void => {
    // A client has to wait for the answer, so there is little to keep from an honest one.
    this.#early.push(chunk)
    if (this.#early.length > MAX_EARLY_CHUNKS) this.#socket.pause()
  }

  readonly #leftEarly = (): void => {
    this.#socket.destroy()
  }

  readonly #lostBeforeAccept = (): void => {
    this.#answer(499)
    this.#end(CloseCode.abnormal, 'The client left during the handshake')
  }

  #listen(ws: WebSocket): void {
    const { heartbeat } = this.#options
    ws.on('message', (data: Buffer, isBinary: boolean) => {
      heartbeat.alive(this)
      this.session?.message(isBinary ? data : data.toString('utf8'))
    })
    ws.on('ping', () => heartbeat.alive(this))
    ws.on('pong', () => heartbeat.alive(this))
    ws.on('error', (error: Error & { code?: string }) => {
      const code = CODE_OF_ERROR[error.code ?? ''] ?? (error.code?.startsWith('WS_ERR') ? CloseCode.protocolError : CloseCode.abnormal)
      this.#end(code, REASONS[code] ?? 'The connection was lost')
    })
    ws.on('close', (code, reason) => {
      heartbeat.delete(this)
      this.#end(code, reason.toString('utf8'))
    })
  }

  #end(code: number, reason: string): void {
    if (this.#over) return
    this.#over = new ConnectionClosed(code, reason)
    this.session?.disconnected(code, reason)
  }
}

function lost(): ConnectionClosed {
  return new ConnectionClosed(CloseCode.abnormal, 'The connection was lost')
}

/** Header values come from users' code and may carry what a client sent: no line may be smuggled in. */
function checkHeaders(headers: AcceptOptions['headers']): void {
  for (const [name, value] of Object.entries(headers ?? {})) {
    validateHeaderName(name)
    for (const item of typeof value === 'string' ? [value] : value) validateHeaderValue(name, item)
  }
}
