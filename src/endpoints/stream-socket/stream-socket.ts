/**
 * The stream socket: many streams over one WebSocket. docs/stream-socket.md is its specification;
 * src/protocol/stream-frames.ts its frames.
 */
import type { ConsumerConnection, ConsumerContext, ConsumerClass } from '../../consumers/consumer.ts'
import { JsonWebSocketConsumer } from '../../consumers/json-websocket-consumer.ts'
import { scopeForLog } from '../../consumers/scope.ts'
import type { TextFrame } from '../../consumers/text-frame.ts'
import { Outlet } from '../../delivery/outlet.ts'
import { CloseCode } from '../../protocol/close-codes.ts'
import { HttpError } from '../../protocol/errors.ts'
import type { Json } from '../../protocol/json.ts'
import { type AskedPlace, OffsetError, encodeOffset, parsePlace } from '../../protocol/offset.ts'
import { STREAM_ERRORS, type EndpointErrorCode } from '../../protocol/stream-errors.ts'
import {
  type ErrorFrame,
  type LatestFrame,
  type ServerFrame,
  type StartFrame,
  type StopFrame,
  type SubscribeFrame,
  STREAM_SUBPROTOCOL,
  readClientFrame,
} from '../../protocol/stream-frames.ts'
import { latestRun } from '../latest-run.ts'
import { publicError } from '../public-error.ts'
import { StartGate } from '../start-gate.ts'
import { type StartCommand, type StartHandler, askedOf } from '../start-handler.ts'
import { StreamAccess, type StreamAccessOptions } from '../stream-access.ts'
import type { StreamServices } from '../stream-services.ts'
import { Lookups } from './lookups.ts'
import { type Subscription, Subscriptions } from './subscriptions.ts'

export interface StreamSocketOptions extends StreamServices {
  /** Without it, clients cannot start runs. */
  readonly start?: StartHandler
  /** Subscriptions of one socket at a time. Several of one stream count separately. Default 100. */
  readonly maxSubscriptions?: number
  /** Starts, stops and `latest` requests of one socket in progress. Default 16. */
  readonly maxRequests?: number
  /**
   * Before the server shuts down, it tells each client to reconnect after `returnAfter` seconds, plus a random part of
   * `returnSpread` seconds. Default 0.5 and 5.
   */
  readonly returnAfter?: number
  readonly returnSpread?: number
}

/** The request or the subscription that an error is about. */
type About = Pick<ErrorFrame, 'req' | 'sub' | 'first'>

/**
 * The consumer of a route; see `streamSocket` in src/routing.
 *
 * @param options.lookUp which streams are served: see `StreamAccessOptions`.
 */
export function streamSocketConsumer(
  options: StreamSocketOptions & Pick<StreamAccessOptions, 'lookUp'>,
): ConsumerClass {
  const access = new StreamAccess(options)
  const gate = options.gate ?? new StartGate({ logger: options.logger })
  return class extends StreamSocket {
    constructor(context: ConsumerContext) {
      super(context, options, access, gate)
    }
  }
}

class StreamSocket extends JsonWebSocketConsumer<Json, ServerFrame> {
  readonly #options: StreamSocketOptions
  readonly #access: StreamAccess
  readonly #gate: StartGate
  readonly #connection: ConsumerConnection
  readonly #subscriptions: Subscriptions
  readonly #lookups = new Lookups((task) => this.background(task))
  /** Resolves when the socket has room again after frames that were sent outside the handlers. */
  #room: Promise<void> | undefined
  #requests = 0
  #leaving = false

  constructor(context: ConsumerContext, options: StreamSocketOptions, access: StreamAccess, gate: StartGate) {
    super(context)
    this.#options = options
    this.#access = access
    this.#gate = gate
    const { connection } = context
    this.#connection = connection
    const outlet = new Outlet<TextFrame>(connection.frames)
    this.#subscriptions = new Subscriptions({
      delivery: options.delivery,
      outlet,
      keep: (info) => access.follow(info, this.logger),
      send: (frame) => void (this.#room = this.send(frame)),
      refuse: (code, sub, first) => {
        this.#room = this.#refuse(code, { sub, ...(first && { first: encodeOffset(first) }) })
      },
      closing: () => this.#sayGoodbye(),
    })
    connection.listen({
      drained: () => outlet.drained(),
      restarting: () => this.#sayGoodbye(),
      ended: () => this.#subscriptions.end(),
      gone: () => outlet.gone(),
    })
  }

  override connect(): void | Promise<void> {
    try {
      this.#access.ownerOf(this.scope.user)
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      return this.close(CloseCode.policyViolation, error.message)
    }
    if (this.scope.subprotocols.includes(STREAM_SUBPROTOCOL))
      return this.accept({ subprotocol: STREAM_SUBPROTOCOL })
    this.close(CloseCode.protocolError, `Offer the subprotocol ${STREAM_SUBPROTOCOL}`)
  }

  /** The returned promise is awaited before the next frame: a client that does not read is not read either. */
  override async receive(value: Json): Promise<void> {
    await this.#answer(readClientFrame(value))
    // Frames about subscriptions are sent outside the handlers, and need room as well.
    await this.#room
  }

  #answer(frame: ReturnType<typeof readClientFrame>): void | Promise<void> {
    switch (frame.type) {
      case 'ping':
        return this.send({ type: 'pong' })
      case 'subscribe':
        return this.#subscribe(frame)
      case 'unsubscribe':
        return this.#subscriptions.delete(frame.sub)
      case 'start':
        return this.#request(frame, () => this.#start(frame))
      case 'stop':
        return this.#request(frame, () => this.#stop(frame))
      case 'latest':
        return this.#request(frame, () => this.#latest(frame))
      case 'fault':
        if (frame.sub !== undefined) this.#subscriptions.delete(frame.sub)
        return this.send({ ...frame, type: 'error' })
    }
  }

  /** The look-up runs outside the handlers. The returned promise is awaited, which limits the look-ups at a time. */
  #subscribe({ sub, stream, offset }: SubscribeFrame): void | Promise<void> {
    const { maxSubscriptions = 100 } = this.#options
    if (this.#subscriptions.has(sub)) {
      // After an error, nothing more is sent under the number.
      this.#subscriptions.delete(sub)
      return this.#refuse('sub_in_use', { sub })
    }
    let place: AskedPlace
    try {
      place = parsePlace(offset)
    } catch (error) {
      if (!(error instanceof OffsetError)) throw error
      return this.#refuse('invalid_offset', { sub })
    }
    if (this.#subscriptions.size >= maxSubscriptions) return this.#refuse('too_many_subscriptions', { sub })
    const subscription = this.#subscriptions.reserve(sub)
    return this.#lookups.add((signal) => this.#follow(subscription, stream, place, signal))
  }

  async #follow(
    subscription: Subscription,
    stream: string,
    place: AskedPlace,
    signal: AbortSignal,
  ): Promise<void> {
    const { sub } = subscription
    try {
      const info = await this.#access.find(stream, this.scope.user, signal)
      if (!this.#subscriptions.holds(subscription)) return
      if (info) {
        this.#subscriptions.follow(subscription, info, place)
        return await this.#access.touch(info, this.logger)
      }
      this.#subscriptions.delete(sub)
      await this.#refuse('stream_not_found', { sub })
    } catch (error) {
      if (!this.#subscriptions.holds(subscription)) return
      this.#subscriptions.delete(sub)
      await this.#fail(error, { sub }, stream)
    }
  }

  /** Runs a request outside the handlers. A start or a stop may take a while, and must not delay other frames. */
  #request(
    frame: StartFrame | StopFrame | LatestFrame,
    perform: () => Promise<ServerFrame | EndpointErrorCode>,
  ): void | Promise<void> {
    const { req } = frame
    if (this.#requests >= (this.#options.maxRequests ?? 16)) return this.#refuse('too_many_requests', { req })
    this.#requests++
    const stream = frame.type === 'stop' ? frame.stream : undefined
    this.background(async () => {
      try {
        const answer = await perform()
        if (typeof answer === 'string') await this.#refuse(answer, { req })
        else await this.send(answer)
      } catch (error) {
        await this.#fail(error, { req }, stream)
      } finally {
        this.#requests--
      }
    })
  }

  async #start(frame: StartFrame): Promise<ServerFrame | EndpointErrorCode> {
    const { start } = this.#options
    if (!start) return 'start_not_served'
    const { scope } = this
    const { type: _type, req, ...asked } = frame
    const { id } = asked
    const owner = this.#access.ownerOf(scope.user)
    const command: StartCommand = { ...asked, ...(owner !== undefined && { owner }) }
    const asking = { ...command, asked: askedOf(asked) }
    this.#gate.count({ owner, scope })
    const isThere = async (): Promise<boolean> =>
      id !== undefined && (await this.#access.find(id, scope.user)) !== undefined
    const { signal } = this.#connection
    const run = await this.#gate.start({ ...command, scope }, signal, isThere, () => start(asking, scope))
    return { type: 'started', req, stream: run.id }
  }

  async #stop({ req, stream }: StopFrame): Promise<ServerFrame | EndpointErrorCode> {
    const { runs } = this.#options
    if (!runs) return 'stop_not_served'
    const info = await this.#access.find(stream, this.scope.user)
    if (!info) return 'stream_not_found'
    const { id, incarnation } = info
    const { status } = await runs.stop(id, { incarnation })
    return { type: 'stopped', req, stream, status }
  }

  async #latest({ req, chat }: LatestFrame): Promise<ServerFrame | EndpointErrorCode> {
    const { runs } = this.#options
    if (!runs?.latest) return 'latest_not_served'
    return { type: 'latest', req, run: await latestRun(runs, this.#access, chat, this.scope.user) }
  }

  #refuse(code: EndpointErrorCode, about: About): Promise<void> {
    return this.send({ type: 'error', code, message: STREAM_ERRORS[code], ...about })
  }

  /** Answers a request that failed, unless it failed because the connection ended. */
  async #fail(error: unknown, about: About, stream?: string): Promise<void> {
    if (this.#connection.signal.aborted) return
    const { expected, ...told } = publicError(error)
    if (!expected)
      this.logger.error(
        { err: error, scope: scopeForLog(this.scope), ...about, ...(stream !== undefined && { stream }) },
        'a request on a stream socket failed',
      )
    await this.send({ type: 'error', ...told, ...about })
  }

  /** Tells the client when to reconnect, at a random moment, so that not all clients do at once. */
  #sayGoodbye(): void {
    if (this.#leaving) return
    this.#leaving = true
    const { returnAfter = 0.5, returnSpread = 5 } = this.#options
    const after = Math.round((returnAfter + Math.random() * returnSpread) * 1000) / 1000
    void this.send({ type: 'drain', after })
    this.close(CloseCode.serviceRestart, 'The server is restarting')
  }
}
