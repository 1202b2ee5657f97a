/**
 * Drives one consumer through one connection: connecting, open, ended.
 *
 * Invariants: one handler runs at a time, in the order of events. `disconnect` runs once, and last. No error
 * of a consumer leaves the session.
 */
import type { ChannelLayer, ChannelMessage } from '../../channels/layer.ts'
import type { Logger } from '../../logging/logger.ts'
import { CloseCode, fitReason, isSendableCloseCode } from '../../protocol/close-codes.ts'
import { HttpError } from '../../protocol/errors.ts'
import { Activity } from './activity.ts'
import { Backlog } from './backlog.ts'
import { isConsequence, rejected } from './connection-end.ts'
import type {
  AnyConsumer,
  AnyConsumerClass,
  BackgroundTask,
  ConsumerConnection,
  ConnectionListener,
} from '../consumer.ts'
import { ConsumerOwner } from './consumer-owner.ts'
import { eventHandler, shownType } from '../event-handler.ts'
import type { Memberships } from '../memberships.ts'
import { MessageRefusedError } from '../message-refused.ts'
import { type ChannelOwner, OwnChannel } from './own-channel.ts'
import { isThrownResponse } from '../thrown-response.ts'
import { type Scope, scopeForLog } from '../scope.ts'
import { ConnectionClosedError } from '../transport.ts'
import type { AcceptOptions, FramePort, Transport, WebSocketData } from '../transport.ts'

export interface SessionOptions {
  readonly scope: Scope<never>
  readonly transport: Transport
  readonly channels: ChannelLayer
  readonly memberships: Memberships
  readonly logger: Logger
  /** Whether it is Millrace's own consumer, whose late errors belong to no single connection. */
  readonly own?: boolean
}

type Work =
  | { readonly kind: 'connect' | 'disconnect' }
  | { readonly kind: 'frame'; readonly data: WebSocketData }
  | { readonly kind: 'event'; readonly message: ChannelMessage; readonly done: () => void }

/** One promise for all messages that find room, which most do. */
const ROOM: Promise<void> = Promise.resolve()

export class ConsumerSession implements ConsumerConnection, ChannelOwner {
  readonly #scope: Scope<never>
  readonly #transport: Transport
  readonly #channel: OwnChannel
  readonly #logger: Logger
  readonly #consumer: AnyConsumer
  /** The owner of the consumer's late errors; undefined for Millrace's own consumers. */
  readonly #owner: ConsumerOwner | undefined
  readonly #activity = new Activity()
  readonly #queue: Work[] = []
  readonly #backlog: Backlog

  #state: 'connecting' | 'open' | 'ended' = 'connecting'
  #closed: ConnectionClosedError | undefined
  #controller: AbortController | undefined
  #listener: ConnectionListener | undefined
  #running = false
  #discardFrames = false

  constructor(consumerClass: AnyConsumerClass, options: SessionOptions) {
    this.#scope = options.scope
    this.#transport = options.transport
    this.#backlog = new Backlog(options.transport)
    this.#channel = new OwnChannel(options.channels, options.memberships, this)
    this.#logger = options.logger
    const { scope, channels, logger } = options
    if (!options.own)
      this.#owner = new ConsumerOwner(consumerClass.name, scope, logger, { fail: () => this.#abandon() })
    const context = { scope, connection: this, channels, logger }
    this.#consumer = this.#inItsName((given) => new consumerClass(given), context)
  }

  // Called by the server.

  /** Runs the consumer's `connect`. */
  open(): void {
    this.#push({ kind: 'connect' })
  }

  /** A message came from the client. */
  message(data: WebSocketData): void {
    if (this.#state === 'ended') return
    this.#backlog.add(data)
    this.#push({ kind: 'frame', data })
  }

  /** Resolves when `disconnect` has run and every background task has ended. */
  get finished(): Promise<void> {
    return this.#activity.finished
  }

  /** The connection is gone. Events that came before are still handled. */
  disconnected(code: number, reason: string): void {
    this.#end(code, reason)
  }

  get isOver(): boolean {
    return this.#state === 'ended'
  }

  /** The user has signed out. */
  signOut(): void {
    if (this.#state === 'connecting') {
      this.#transport.refuse(new HttpError('unauthenticated'))
      this.#end(CloseCode.abnormal, 'The user signed out')
    } else this.close(CloseCode.unauthorized, 'Sign in again')
  }

  /** Logs why the server ends the connection. */
  explain(level: 'info' | 'warn', message: string, fields: object): void {
    this.#logger[level]({ scope: scopeForLog(this.#scope), ...fields }, message)
  }

  /** There is room again after a `write` that returned false. */
  drained(): void {
    this.#listener?.drained()
  }

  /** The connection is closed, and nothing is left to be sent. */
  gone(): void {
    this.#listener?.gone?.()
  }

  /** The server shuts down: closes with 1012, after the consumer could send its last message. */
  restart(): void {
    if (this.#state === 'open') this.#listener?.restarting()
    this.close(CloseCode.serviceRestart, 'The server is restarting')
  }

  // Called by the consumer, through its base class.

  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#closed && !this.#controller.signal.aborted) this.#controller.abort(this.#closed)
    return this.#controller.signal
  }

  get channelName(): string {
    return this.#channel.name
  }

  accept(options: AcceptOptions): Promise<void> {
    if (this.#closed) return rejected(this.#closed)
    if (this.#state === 'open') throw new Error('accept() was already called')
    const { subprotocol } = options
    if (subprotocol !== undefined && !this.#scope.subprotocols.includes(subprotocol)) {
      throw new TypeError(
        `accept() chose the subprotocol ${JSON.stringify(subprotocol)}, which the client does not offer`,
      )
    }
    try {
      this.#transport.accept(options)
    } catch (error) {
      if (error instanceof ConnectionClosedError) return rejected(error)
      throw error
    }
    this.#state = 'open'
    return ROOM
  }

  send(data: WebSocketData): Promise<void> {
    if (this.#closed) return rejected(this.#closed)
    if (this.#state === 'connecting') throw new Error('send() was called before accept()')
    return this.#transport.send(data) ?? ROOM
  }

  /**
   * The transport itself, which knows whether it is open, so that a frame does not pass through the session.
   */
  get frames(): FramePort {
    return this.#transport
  }

  listen(listener: ConnectionListener): void {
    this.#listener = listener
  }

  close(code: number, reason: string): void {
    if (!isSendableCloseCode(code))
      throw new RangeError(`close() was called with ${code}, a code that may not be sent`)
    if (this.#state === 'ended') return
    this.#discardFrames = true
    if (this.#state === 'connecting') {
      this.#transport.refuse(new HttpError('connection_refused', reason || undefined))
      this.#end(CloseCode.abnormal, reason)
    } else {
      const fitting = fitReason(reason)
      this.#transport.close(code, fitting)
      this.#end(code, fitting)
    }
  }

  background(task: BackgroundTask): void {
    void this.#inItsName((given) => this.#supervise(given), task)
  }

  groupAdd(group: string): Promise<void> {
    return this.#closed ? rejected(this.#closed) : this.#channel.join(group)
  }

  groupDiscard(group: string): Promise<void> {
    return this.#channel.discard(group)
  }

  /** A message came on the connection's channel. */
  event(message: ChannelMessage): Promise<void> {
    return new Promise((done) => this.#push({ kind: 'event', message, done }))
  }

  #push(work: Work): void {
    this.#queue.push(work)
    if (!this.#running) void this.#inItsName(ConsumerSession.#work, this)
  }

  /** Runs code of the consumer under its owner. A function without a closure costs nothing. */
  #inItsName<Argument, T>(run: (argument: Argument) => T, argument: Argument): T {
    return this.#owner ? this.#owner.call(run, argument) : run(argument)
  }

  static #work(this: void, session: ConsumerSession): Promise<void> {
    return session.#run()
  }

  async #run(): Promise<void> {
    this.#running = true
    this.#activity.begin()
    for (let work = this.#queue.shift(); work; work = this.#queue.shift()) {
      try {
        if (work.kind === 'event') await this.#dispatch(work.message)
        else if (work.kind !== 'frame') await this.#perform(work)
        else if (!this.#discardFrames) await this.#receive(work.data)
      } catch (error) {
        this.#fail(error)
      }
      if (work.kind === 'frame') this.#backlog.remove(work.data)
      else if (work.kind === 'event') work.done()
    }
    this.#running = false
    this.#activity.end()
  }

  async #perform(work: Extract<Work, { kind: 'connect' | 'disconnect' }>): Promise<void> {
    const consumer = this.#consumer
    switch (work.kind) {
      case 'connect':
        if (this.#state === 'ended') return
        for (const group of consumer.groups) await this.groupAdd(group)
        return await consumer.connect()
      case 'disconnect':
        this.#activity.last()
        return await consumer.disconnect(this.#closed?.code ?? CloseCode.abnormal, this.#closed?.reason ?? '')
    }
  }

  async #receive(data: WebSocketData): Promise<void> {
    try {
      await this.#consumer.receive(await this.#consumer['decode'](data))
    } catch (error) {
      if (!(error instanceof MessageRefusedError)) throw error
      this.#logger.info({ scope: scopeForLog(this.#scope), reason: error.reason }, 'message refused')
      await this.#consumer.refused(error)
    }
  }

  /**
   * Calls the handler of a group message. Not async, because group messages are many and each promise costs.
   */
  #dispatch(message: ChannelMessage): unknown {
    if (this.#state === 'ended') return undefined
    const handler = eventHandler(this.#consumer, message.type)
    if (typeof handler !== 'string') return handler.call(this.#consumer, message)
    const fields = { scope: scopeForLog(this.#scope), type: shownType(message.type), reason: handler }
    this.#logger.error(fields, 'channel message refused: no handler for its type')
    return undefined
  }

  async #supervise(task: BackgroundTask): Promise<void> {
    this.#activity.begin()
    try {
      await task(this.signal)
    } catch (error) {
      this.#fail(error)
    } finally {
      this.#activity.end()
    }
  }

  /** A handler threw. An error that follows from the end of the connection is no failure. */
  #fail(error: unknown): void {
    if (this.#closed && isConsequence(error, this.#closed)) return
    if (this.#state === 'connecting' && isThrownResponse(error)) {
      this.#transport.refuse(error)
      return this.#end(CloseCode.abnormal, error instanceof HttpError ? error.message : '')
    }
    this.#logger.error({ err: error, scope: scopeForLog(this.#scope) }, 'consumer failed')
    this.#abandon()
  }

  #abandon(): void {
    if (this.#state === 'ended') return
    this.#discardFrames = true
    if (this.#state === 'connecting') this.#transport.refuse(new HttpError('internal_error'))
    else this.#transport.close(CloseCode.internalError, 'The server failed')
    this.#end(CloseCode.internalError, 'The server failed')
  }

  #end(code: number, reason: string): void {
    if (this.#state === 'ended') return
    this.#state = 'ended'
    const closed = new ConnectionClosedError(code, reason)
    this.#closed = closed
    this.#owner?.release(closed)
    this.#inItsName((reason) => this.#controller?.abort(reason), closed)
    this.#listener?.ended()
    this.#backlog.release()
    this.#channel.end()
    this.#push({ kind: 'disconnect' })
    this.#activity.watch(this.#scope, this.#logger)
  }
}
