/** Sets up `ws`: without a port, a list of clients or compression, and with a reason for every close code. */
import type { IncomingMessage } from 'node:http'
import { type Server, type ServerOptions, WebSocket, WebSocketServer } from 'ws'
import type { AcceptOptions } from '../../consumers/transport.ts'
import { CloseCode } from '../../protocol/close-codes.ts'
import { LONGEST_TIMER_MS } from '../../time/duration.ts'
import type { ResolvedOptions } from '../options.ts'

/** Reasons, for the client, of the codes with which `ws` itself closes. */
const REASONS: Readonly<Record<number, string>> = {
  [CloseCode.protocolError]: 'A frame breaks the WebSocket protocol',
  [CloseCode.invalidPayload]: 'A text frame is not valid UTF-8',
  [CloseCode.policyViolation]: 'A message comes in too many fragments',
  [CloseCode.messageTooBig]: 'A message is larger than the server accepts',
}

/** The events of a WebSocket. */
export interface WebSocketObserver {
  onMessage(data: Buffer, isBinary: boolean): void
  /** A ping or a pong came. */
  onSign(): void
  /** A close frame is about to be written, after everything that was sent before. */
  beforeClosing(): void
  /** The closing handshake began, on either side. */
  onClosing(code: number, reason: string): void
  /** The socket is gone. */
  onGone(): void
}

/**
 * A WebSocket with one observer, without a closure for each event. It adds a reason when `ws` closes with a
 * code alone, and reports the closing as soon as it begins: `ws` reports it when the socket is gone, which a
 * peer can delay.
 */
export class ObservedWebSocket extends WebSocket {
  observer: WebSocketObserver | undefined

  observe(observer: WebSocketObserver): void {
    this.observer = observer
    this.on('message', onMessage).on('ping', onSign).on('pong', onSign).on('close', onGone)
    // `ws` calls `close` first, which reports the error.
    this.on('error', ignore)
  }

  /** `ws` calls this, too: to answer a close frame, and for a frame that it refuses. */
  override close(code: number = CloseCode.noStatus, reason: string | Buffer = REASONS[code] ?? ''): void {
    const begins = this.readyState === WebSocket.OPEN
    if (begins) this.observer?.beforeClosing()
    super.close(code === CloseCode.noStatus ? undefined : code, reason)
    if (begins) this.observer?.onClosing(code, reason.toString())
  }
}

function onMessage(this: WebSocket, data: Buffer, isBinary: boolean): void {
  observerOf(this)?.onMessage(data, isBinary)
}

function onSign(this: WebSocket): void {
  observerOf(this)?.onSign()
}

function onGone(this: WebSocket): void {
  observerOf(this)?.onGone()
}

function observerOf(socket: WebSocket): WebSocketObserver | undefined {
  return (socket as ObservedWebSocket).observer
}

function ignore(): void {}

const acceptOptions = new WeakMap<IncomingMessage, AcceptOptions>()

/** Sets the subprotocol and headers of the answer to a handshake. */
export function setAcceptOptions(incoming: IncomingMessage, options: AcceptOptions): void {
  acceptOptions.set(incoming, options)
}

export type WebSocketHandshaker = Server<typeof ObservedWebSocket>

/**
 * A server of `ws` has one message size for all its connections, so there is one for each size of a route.
 */
export class Handshakers {
  readonly #options: ResolvedOptions
  readonly #bySize = new Map<number, WebSocketHandshaker>()

  constructor(options: ResolvedOptions) {
    this.#options = options
  }

  /** In bytes; by default the server's own. */
  for(maxMessageSize: number = this.#options.maxMessageSize): WebSocketHandshaker {
    let server = this.#bySize.get(maxMessageSize)
    if (!server) {
      server = createWebSocketServer({ ...this.#options, maxMessageSize })
      this.#bySize.set(maxMessageSize, server)
    }
    return server
  }
}

function createWebSocketServer(options: ResolvedOptions): WebSocketHandshaker {
  // The published types lag behind: closeTimeout is an option of ws 8.23.
  const config: ServerOptions<typeof ObservedWebSocket> & { closeTimeout: number } = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: options.maxMessageSize,
    maxFragments: options.maxFragments,
    // `ws` would cut a closing socket after this time, with all that its client has not read. The heartbeat
    // does it.
    closeTimeout: LONGEST_TIMER_MS,
    WebSocket: ObservedWebSocket,
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
