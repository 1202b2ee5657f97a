/**
 * The code behind one connection. Each connection has an instance, whose methods are called one at a time, in
 * the order of events: `connect`, then `receive` for every message and a method by type for every group
 * message, then `disconnect`.
 */
import type { ChannelLayer, ChannelMessage, GroupSendResult } from '../channels/layer.ts'
import type { Logger } from '../logging/logger.ts'
import type { MessageRefusedError } from './message-refused.ts'
import type { Params, Scope } from './scope.ts'
import type { AcceptOptions, FramePort, WebSocketData } from './transport.ts'

/** Work that continues after the handler that began it; see `Consumer.background`. */
export type BackgroundTask = (signal: AbortSignal) => Promise<void>

/**
 * Events of a connection that are reported at once, not in turn with the handlers: for consumers that write
 * frames on a hot path. The methods must not throw or take time.
 */
export interface ConnectionListener {
  /** There is room again after `frames.write` returned false. */
  drained(): void
  /** The server shuts down. The last moment to send something: the connection closes right after. */
  restarting(): void
  /** The connection is over. */
  ended(): void
  /** The connection is closed, and nothing is left to be sent. */
  gone?(): void
}

/** The connection as its consumer sees it. */
export interface ConsumerConnection {
  readonly signal: AbortSignal
  readonly channelName: string
  accept(options: AcceptOptions): Promise<void>
  send(data: WebSocketData): Promise<void>
  /** For frames, once the connection is open. */
  readonly frames: FramePort
  /** Sets the listener, of which there is one. */
  listen(listener: ConnectionListener): void
  close(code: number, reason: string): void
  background(task: BackgroundTask): void
  groupAdd(group: string): Promise<void>
  groupDiscard(group: string): Promise<void>
}

export interface ConsumerContext<P = Params> {
  readonly scope: Scope<P>
  readonly connection: ConsumerConnection
  readonly channels: ChannelLayer
  readonly logger: Logger
}

/** A class that `websocket(path, …)` accepts: a subclass with the inherited constructor. */
export type ConsumerClass<P = Params> = new (context: ConsumerContext<P>) => Consumer<unknown, never, P>

/** A consumer of any types. Its route has checked that they fit. */
export type AnyConsumer = Consumer<unknown, never, unknown>
export type AnyConsumerClass = new (context: ConsumerContext<never>) => AnyConsumer

/**
 * The base of all consumers. `receive` gets `In`, and `send` takes `Out`. Subclass `WebSocketConsumer` or
 * `JsonWebSocketConsumer` rather than this.
 */
export abstract class Consumer<In, Out, P = Params> {
  readonly scope: Scope<P>
  readonly channels: ChannelLayer
  readonly logger: Logger
  readonly #connection: ConsumerConnection

  /** Groups joined before `connect` runs and left when the connection ends. */
  readonly groups: readonly string[] = []

  constructor(context: ConsumerContext<P>) {
    this.scope = context.scope
    this.channels = context.channels
    this.logger = context.logger
    this.#connection = context.connection
  }

  /**
   * Turns a frame into the argument of `receive`. Throws `MessageRefusedError` for a frame that it does not
   * accept.
   */
  protected abstract decode(data: WebSocketData): In | Promise<In>
  /** Turns the argument of `send` into a frame. */
  protected abstract encode(message: Out): WebSocketData

  /**
   * A client wants to connect. Call `accept()`, or refuse the client with HTTP 403 by `close()`. To refuse it
   * with another status, headers and body, throw a `Response` or an `HttpError`. The client waits for one of
   * these, up to the handshake timeout.
   */
  connect(): void | Promise<void> {
    return this.accept()
  }

  /** A message came. The next one waits until the returned promise settles. */
  abstract receive(message: In): void | Promise<void>

  /** The connection is over. Runs once, and last, also when the server shuts down. */
  disconnect(_code: number, _reason: string): void | Promise<void> {}

  /** `decode` or `receive` refused a message. Closes the connection with the refusal's code. */
  refused(refusal: MessageRefusedError): void | Promise<void> {
    this.close(refusal.code, refusal.reason)
  }

  /** Aborts as soon as the connection ends, also in the middle of a handler. */
  get signal(): AbortSignal {
    return this.#connection.signal
  }

  /** The name of this connection's own channel, to which other connections and processes can send. */
  get channelName(): string {
    return this.#connection.channelName
  }

  /**
   * Completes the handshake; after that messages flow. Rejects with `ConnectionClosedError` when the client
   * has left. That rejection need not be handled.
   *
   * @throws {TypeError} for a subprotocol that the client does not offer or a header that cannot be sent,
   * {Error} when called twice.
   */
  accept(options: AcceptOptions = {}): Promise<void> {
    return this.#connection.accept(options)
  }

  /**
   * Sends one message. Resolves when there is room for the next one: a handler that awaits waits for a slow
   * client, and memory stays bounded. Rejects with `ConnectionClosedError` once the connection is over. That
   * rejection need not be handled, and the handler may throw it.
   *
   * @throws {Error} before `accept`, {TypeError} for a value that cannot be sent.
   */
  send(message: Out): Promise<void> {
    return this.#connection.send(this.encode(message))
  }

  /**
   * Ends the connection; before `accept` this refuses it with HTTP 403.
   *
   * @throws {RangeError} for a code that may not be sent. Allowed are 1000 to 1014 without the reserved ones,
   * and 3000 to 4999.
   */
  close(code: number = 1000, reason: string = ''): void {
    this.#connection.close(code, reason)
  }

  /**
   * Runs a task beside the handlers, so that messages are received meanwhile. Its signal aborts when the
   * connection ends. A task that throws ends the connection, like a handler.
   */
  background(task: BackgroundTask): void {
    this.#connection.background(task)
  }

  /**
   * Joins a group until `groupDiscard` or the end of the connection. Rejects with `ConnectionClosedError`
   * once the connection is over, and like the channel layer.
   */
  groupAdd(group: string): Promise<void> {
    return this.#connection.groupAdd(group)
  }

  groupDiscard(group: string): Promise<void> {
    return this.#connection.groupDiscard(group)
  }

  /** Sends to every member of a group, in all processes, including this connection. */
  groupSend(group: string, message: ChannelMessage): Promise<GroupSendResult> {
    return this.channels.groupSend(group, message)
  }
}
