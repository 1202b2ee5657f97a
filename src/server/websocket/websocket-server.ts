/** How `ws` is set up: no port, no list of clients, no compression, and a reason with every code. */
import type { IncomingMessage } from 'node:http'
import { type Server, type ServerOptions, WebSocket, WebSocketServer } from 'ws'
import type { AcceptOptions } from '../../consumers/transport.ts'
import { CloseCode } from '../../protocol/close-codes.ts'
import { LONGEST_TIMER_MS } from '../../time/duration.ts'
import type { ResolvedOptions } from '../options.ts'

/** What `ws` closes with of its own accord, and why, in words for the client. */
const REASONS: Readonly<Record<number, string>> = {
  [CloseCode.protocolError]: 'A frame breaks the WebSocket protocol',
  [CloseCode.invalidPayload]: 'A text frame is not valid UTF-8',
  [CloseCode.policyViolation]: 'A message comes in too many fragments',
  [CloseCode.messageTooBig]: 'A message is larger than the server accepts',
}

/** What is told of a WebSocket. */
export interface WebSocketObserver {
  onMessage(data: Buffer, isBinary: boolean): void
  /** A ping or a pong came. */
  onSign(): void
  /** A close frame is about to be written, behind all that was sent before. */
  beforeClosing(): void
  /** The closing began, by either side. */
  onClosing(code: number, reason: string): void
  /** The socket is gone. */
  onGone(): void
}

/**
 * A WebSocket with one observer, and without a closure for each of its events. It says why where `ws`
 * by itself closes with a bare code, and tells as soon as the closing begins: `ws` itself tells when
 * the socket is gone, which a peer can put off.
 */
export class ObservedWebSocket extends WebSocket {
  observer: WebSocketObserver | undefined

  observe(observer: WebSocketObserver): void {
    this.observer = observer
    this.on('message', onMessage).on('ping', onSign).on('pong', onSign).on('close', onGone)
    // Told by `close`, which `ws` calls first.
    this.on('error', ignore)
  }

  /** `ws` calls it, too: to answer a close frame, and for a frame that it refuses. */
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

/** What the answer to this handshake is to carry. */
export function setAcceptOptions(incoming: IncomingMessage, options: AcceptOptions): void {
  acceptOptions.set(incoming, options)
}

export type WebSocketHandshaker = Server<typeof ObservedWebSocket>

/** `ws` has one size of messages for all that it accepts: one of these for each size that a route asks for. */
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
    // `ws` would cut a closing socket after this time, with all that its client has not read. The heartbeat does it.
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
