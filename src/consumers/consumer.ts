/**
 * The code behind one connection. One instance is made for each, and its methods are called one at
 * a time, in the order things happened: `connect`, then `receive` for every message and a method by
 * type for every group message, then `disconnect`.
 */
import type { ChannelLayer, ChannelMessage, GroupSendResult } from '../channels/layer.ts'
import type { Logger } from '../logging/logger.ts'
import type { MessageRefusedError } from './message-refused.ts'
import type { Params, Scope } from './scope.ts'
import type { AcceptOptions, FramePort, WebSocketData } from './transport.ts'

/** Work that outlives the handler that began it; see `Consumer.background`. */
export type BackgroundTask = (signal: AbortSignal) => Promise<void>

/**
 * What a connection tells at once, beside the handlers that run one at a time: for consumers that
 * write frames on a hot path. None of these may throw or take time.
 */
export interface ConnectionListener {
  /** There is room again after `frames` said there was none. */
  drained(): void
  /** The server goes down: the last moment to send something. The connection closes right after. */
  restarting(): void
  /** The connection is over. */
  ended(): void
  /** Nothing is left of it, not even of what was sent before its end. */
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
  /** Who is told at once; one at a time. */
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

/** Some consumer, where its types do not matter because its route vouched for them. */
export type AnyConsumer = Consumer<unknown, never, unknown>
export type AnyConsumerClass = new (context: ConsumerContext<never>) => AnyConsumer

/**
 * What all consumers share. `In` is what `receive` gets, `Out` what `send` takes; subclass
 * `WebSocketConsumer` or `JsonWebSocketConsumer` rather than this.
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

  /** Turns a frame into what `receive` gets. Throws `MessageRefusedError` for what it will not take. */
  protected abstract decode(data: WebSocketData): In | Promise<In>
  /** Turns what `send` takes into a frame. */
  protected abstract encode(message: Out): WebSocketData

  /**
   * A client wants to connect. Call `accept()`, or `close()` to refuse it with HTTP 403; to refuse it
   * with another status, headers and body, throw a `Response`, or an `HttpError`. Until one of them
   * happens the client waits, at most for the handshake timeout.
   */
  connect(): void | Promise<void> {
    return this.accept()
  }

  /** A message came. The next one waits until the returned promise settles. */
  abstract receive(message: In): void | Promise<void>

  /** The connection is over, whoever ended it. Runs once, last, also when the server goes down. */
  disconnect(_code: number, _reason: string): void | Promise<void> {}

  /** A message was refused, here or by `receive`. Closes the connection with the refusal's code. */
  refused(refusal: MessageRefusedError): void | Promise<void> {
    this.close(refusal.code, refusal.reason)
  }

  /** Aborts as soon as the connection ends, also in the middle of a handler. */
  get signal(): AbortSignal {
    return this.#connection.signal
  }

  /** This connection's own channel: other connections and processes send to it by this name. */
  get channelName(): string {
    return this.#connection.channelName
  }

  /**
   * Completes the handshake; from here on messages flow. Rejects with `ConnectionClosedError` when the
   * client has left meanwhile; that rejection may go unhandled without harm.
   *
   * @throws {TypeError} for a subprotocol the client does not offer or a header that cannot be sent,
   * {Error} when called twice.
   */
  accept(options: AcceptOptions = {}): Promise<void> {
    return this.#connection.accept(options)
  }

  /**
   * Sends one message. Resolves when there is room for the next: a client that does not read holds
   * up the handler that awaits, instead of filling memory. Rejects with `ConnectionClosedError` once the
   * connection is over; that rejection may go unhandled, and may leave the handler, without harm.
   *
   * @throws {Error} before `accept`, {TypeError} for what cannot be sent.
   */
  send(message: Out): Promise<void> {
    return this.#connection.send(this.encode(message))
  }

  /**
   * Ends the connection; before `accept` this refuses it with HTTP 403.
   *
   * @throws {RangeError} for a code that may not be sent: 1000 to 1014 less the reserved ones, and
   * 3000 to 4999, may.
   */
  close(code: number = 1000, reason: string = ''): void {
    this.#connection.close(code, reason)
  }

  /**
   * Runs a task beside the handlers, so that messages are received meanwhile. It belongs to the
   * connection: its signal aborts with it, and a task that throws ends it as a handler would.
   */
  background(task: BackgroundTask): void {
    this.#connection.background(task)
  }

  /**
   * Joins a group until `groupDiscard` or the end of the connection. Rejects with `ConnectionClosedError`
   * once the connection is over, and as the channel layer does.
   */
  groupAdd(group: string): Promise<void> {
    return this.#connection.groupAdd(group)
  }

  groupDiscard(group: string): Promise<void> {
    return this.#connection.groupDiscard(group)
  }

  /** Sends to every member of a group, here and in other processes, this connection included. */
  groupSend(group: string, message: ChannelMessage): Promise<GroupSendResult> {
    return this.channels.groupSend(group, message)
  }
}
