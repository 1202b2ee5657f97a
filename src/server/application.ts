/**
 * An application: its routes, its channel layer and who may use them. It owns no port; a gateway
 * brings it connections, and it outlives gateways, so that one application can listen twice.
 */
import { checkOptions } from '../protocol/known-options.ts'
import type { Server } from 'node:http'
import type { ChannelLayer } from '../channels/layer.ts'
import { Membership } from '../channels/membership.ts'
import type { Chats } from '../chats/chats.ts'
import type { AnyConsumerClass } from '../consumers/consumer.ts'
import { ConsumerSession } from '../consumers/session/session.ts'
import type { User } from '../consumers/scope.ts'
import type { Transport } from '../consumers/transport.ts'
import type { Logger } from '../logging/logger.ts'
import { HttpError } from '../protocol/errors.ts'
import type { ChannelConsumerClass } from '../consumers/channel-consumer.ts'
import { channelConsumers, findRoute, someRouteAsks } from '../routing/find-route.ts'
import { checkOrigins } from '../routing/origins.ts'
import type { Runs } from '../runs/runs.ts'
import type { ApplicationOptions } from './application-options.ts'
import { type Attachment, attach } from './attachment.ts'
import {
  authenticate,
  checkAuthenticateTimeout,
  checkAuthenticateInterval,
  DEFAULT_TIMEOUT,
} from './request/authentication.ts'
import { ChannelWorker, type RunningWorker, WORK_OPTIONS, type WorkOptions } from './channel-worker.ts'
import { refuseUnfit } from './health.ts'
import { HttpDispatcher } from './http/dispatcher.ts'
import { type RunningServer, listen } from './listening/listener.ts'
import { StartError } from './listening/start-error.ts'
import { CONNECTION_OPTIONS, type ConnectionOptions, LISTEN_OPTIONS, type ListenOptions } from './options.ts'
import { originAllowed } from './request/origin-policy.ts'
import { OriginRefusals } from './request/origin-refusals.ts'
import { proxyTrust } from './request/proxy-trust.ts'
import { SignIns } from './request/sign-ins.ts'
import { SignOutChannel } from './request/sign-out-channel.ts'
import { SignedInSession } from './request/signed-in-session.ts'
import { RequestScope, headOfRequest } from './request/request-scope.ts'

export class Application {
  readonly channels: ChannelLayer
  readonly logger: Logger
  readonly options: ApplicationOptions
  /** What answers HTTP; for gateways. */
  readonly http: HttpDispatcher
  /** The consumers of named channels, by name; for workers. */
  readonly channelConsumers: ReadonlyMap<string, ChannelConsumerClass>
  readonly #memberships: Membership
  readonly #signIns: SignIns
  readonly #signOuts: SignOutChannel
  readonly #refusals: OriginRefusals
  readonly #open = new Set<{ close(): Promise<void> }>()
  #isClosed = false

  /**
   * @throws {TypeError} for a malformed origin, and a channel that is routed twice.
   * @throws {RangeError} for a time limit out of range.
   */
  constructor(options: ApplicationOptions) {
    checkAuthenticateTimeout(options.authenticateTimeout)
    checkAuthenticateInterval(options.authenticateInterval)
    checkOrigins(options.origins, 'millrace({ origins })')
    this.channelConsumers = channelConsumers(options.routes ?? [])
    this.options = options
    this.channels = options.channels
    this.logger = options.logger
    this.#memberships = new Membership(options.channels, options.logger)
    this.#refusals = new OriginRefusals(options.logger)
    this.#signIns = new SignIns({
      ownerOf: options.streams?.services.ownerOf,
      interval: options.authenticateInterval ?? 0,
      patience: options.authenticateTimeout ?? DEFAULT_TIMEOUT,
      onAdd: () => this.#signOuts.open(),
    })
    this.#signOuts = new SignOutChannel({
      layer: options.channels,
      memberships: this.#memberships,
      logger: options.logger,
      onSignOut: (name) => this.#signIns.signOut(name),
    })
    this.http = new HttpDispatcher({ ...options, signIns: this.#signIns })
  }

  /**
   * Answers one HTTP request without a socket: for tests, and for servers that speak `fetch`. The first one
   * begins what `listen` does: the store is opened, and runs whose process died are taken over.
   */
  readonly fetch = async (request: Request): Promise<Response> => {
    this.options.streams?.open()
    try {
      const scope = new RequestScope('http', headOfRequest(request), {
        rootPath: '',
        proxies: proxyTrust(false),
      })
      return await this.http.respond(request, scope)
    } catch (error) {
      if (error instanceof HttpError) return error.toResponse()
      throw error
    }
  }

  /**
   * Decides who serves a WebSocket: routes it, checks its origin and asks who it is.
   *
   * @throws {HttpError} what the handshake is to be answered with instead. `signal` aborts when it has
   * been answered meanwhile.
   */
  async admit(
    scope: RequestScope,
    signal?: AbortSignal,
    origins: readonly string[] = [],
  ): Promise<AnyConsumerClass> {
    const found = findRoute(this.options.routes ?? [], 'websocket', scope.path)
    if (found === 'other') throw new HttpError('websocket_not_here')
    if (!found) throw new HttpError('route_not_found', `No WebSocket is served at ${scope.path}`)
    scope.params = found.params
    scope.maxMessageSize = found.route.maxMessageSize
    scope.own = found.route.own ?? false
    if (!originAllowed(scope.origin, scope.host, found.guards.origins ?? this.options.origins, origins))
      throw this.#refusals.origin(scope)
    await authenticate(scope, found.guards.authenticate ?? this.options.authenticate, this.options, signal)
    return found.route.consumer
  }

  /** Whether a WebSocket route matches; for servers that share their upgrades with others. */
  servesWebSocket(path: string): boolean {
    return typeof findRoute(this.options.routes ?? [], 'websocket', path) === 'object'
  }

  /** Makes the consumer of an admitted connection. `session.open()` starts it. */
  createSession(
    consumer: AnyConsumerClass,
    scope: RequestScope,
    transport: Transport,
    logger: Logger = this.logger,
  ): ConsumerSession {
    const { channels } = this
    // The route has checked the parameters.
    const session = new ConsumerSession(consumer, {
      scope: scope as never,
      transport,
      channels,
      memberships: this.#memberships,
      logger,
      own: scope.own,
    })
    if (scope.hook) {
      const connection = new SignedInSession(session, scope, this.#signIns, this.options)
      void session.finished.then(this.#signIns.add(scope, connection))
    }
    return session
  }

  /**
   * Ends the open connections of a user, in every process that shares the channel layer: WebSockets close
   * with 3000, pending handshakes are answered 401, event streams and long polls end. For a sign-out, end the
   * user's session first, so that a client that comes back is refused. The user is a value that
   * `authenticate` could return; `ownerOf` identifies it. The channel layer tells other processes at most
   * once; `authenticateInterval` finds connections that it missed.
   *
   * @throws {TypeError} for a user that `ownerOf` does not know. Rejects as `groupSend` does; connections of
   * this process have ended even then.
   */
  async disconnect(user: User | undefined): Promise<void> {
    const name = this.#signIns.nameOf(user)
    if (name === undefined) throw new TypeError('disconnect() takes a user whom ownerOf knows')
    this.#signIns.signOut(name)
    await this.#signOuts.tell(name)
  }

  /**
   * Serves HTTP and WebSockets on a port or a unix socket of its own.
   *
   * @throws {StartError} when it cannot, with one line that says why.
   */
  async listen(options: ListenOptions = {}): Promise<RunningServer> {
    checkOptions('listen()', options, LISTEN_OPTIONS)
    this.#checkOpen()
    await refuseUnfit(this.options)
    this.#hearSignOuts()
    const running = await listen(this, options)
    if (this.#isClosed) await running.close()
    this.#checkOpen()
    this.#track(running)
    return running
  }

  /**
   * Serves this application's WebSockets on an existing server, which keeps its other tasks. The attachment's
   * `handle` is a middleware for the HTTP routes.
   *
   * @throws {StartError} `closed`.
   */
  attach(server: Server, options: ConnectionOptions = {}): Attachment {
    checkOptions('attach()', options, CONNECTION_OPTIONS)
    this.#checkOpen()
    const attachment = attach(this, server, options)
    this.#hearSignOuts()
    this.#track(attachment)
    return attachment
  }

  /**
   * Runs the consumers of named channels in this process, whether it serves connections as well or not.
   * `millrace worker` does it in a process of its own.
   *
   * @throws {RangeError} for a channel that no consumer serves, and an option out of its range.
   */
  work(options: WorkOptions = {}): RunningWorker {
    const { channelConsumers: consumers, channels: layer, logger } = this
    checkOptions('work()', options, WORK_OPTIONS)
    const worker = new ChannelWorker({ consumers, layer, logger }, options)
    this.#track(worker)
    return worker
  }

  /**
   * The runs of `streams`.
   *
   * @throws {Error} for an application without streams.
   */
  get runs(): Runs {
    if (this.options.streams) return this.options.streams.runs
    throw new Error('This application keeps no streams: pass millrace({ streams: streaming({ store }) })')
  }

  /**
   * The chats of `streams`.
   *
   * @throws {Error} for an application without chats.
   */
  get chats(): Chats {
    const chats = this.options.streams?.chats
    if (chats) return chats
    throw new Error(
      'This application has no chats: give it a route that serves them, or streaming({ store, chats })',
    )
  }

  /**
   * Shuts down every server and worker of this application, its runs and streams, then the channel layer. It cannot
   * be served again.
   */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.all([...[...this.#open].map((running) => running.close()), this.options.streams?.close()])
    await this.#signOuts.close()
    await this.#memberships.close()
    await this.channels.close()
  }

  /** Its runs and channels are closed for good: a server of it would answer nobody. */
  #checkOpen(): void {
    if (this.#isClosed || this.options.streams?.closing)
      throw new StartError('closed', 'This application was closed: make another one with millrace()')
  }

  /** Before the first connection: what is told while this process joins does not reach it. */
  #hearSignOuts(): void {
    const { authenticate: asks, routes = [] } = this.options
    if (asks || someRouteAsks(routes)) this.#signOuts.open()
  }

  #track(running: { close(): Promise<void>; readonly closed: Promise<void> }): void {
    this.#open.add(running)
    this.options.streams?.open()
    void running.closed.then(() => this.#open.delete(running))
  }
}
