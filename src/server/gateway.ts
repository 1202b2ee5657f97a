/**
 * Brings the connections of one `node:http` server to an application: HTTP requests and upgrades, with their
 * limits, the heartbeat and the end of all of them at a shutdown.
 */
import { getRequestListener } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { scopeForLog } from '../consumers/scope.ts'
import { isResponse } from '../consumers/thrown-response.ts'
import type { ConsumerSession } from '../consumers/session/session.ts'
import { guardProcess } from '../logging/late-errors.ts'
import type { Logger } from '../logging/logger.ts'
import { HttpError } from '../protocol/errors.ts'
import type { Origins } from '../routing/origins.ts'
import type { ServedApplication } from './served-application.ts'
import { crossingOf, crossingRequestOf } from './request/cross-origin.ts'
import { answerOnSocket, asksForWebSocket, checkHandshake } from './websocket/handshake.ts'
import { Heartbeat } from './websocket/heartbeat.ts'
import { HttpExchange, drainingError } from './http/exchange.ts'
import { type ConnectionOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { HostPolicy } from './request/host-policy.ts'
import { OriginRefusals } from './request/origin-refusals.ts'
import { restoreBody, withFailingBody } from './http/parsed-body.ts'
import { proxyTrust } from './request/proxy-trust.ts'
import { RequestScope, type ScopeOptions, headOf } from './request/request-scope.ts'
import { parseTarget, takeTarget, withoutRootPath } from './request/request-target.ts'
import { UnreadWatch, type Watched } from './websocket/unread-watch.ts'
import { Handshakers } from './websocket/websocket-server.ts'
import { type TransportContext, WebSocketTransport } from './websocket/websocket-transport.ts'
import { writeError } from './http/write-error.ts'

export class Gateway {
  readonly options: ResolvedOptions
  readonly #application: ServedApplication
  readonly #scopeOptions: ScopeOptions
  readonly #context: TransportContext
  #hosts: HostPolicy
  /** One for each open socket that asked for a WebSocket. */
  readonly #transports = new Set<WebSocketTransport>()
  /** Sessions with a handler or a task that still runs, which may be after their socket closed. */
  readonly #sessions = new Set<ConsumerSession>()
  /** Pending HTTP requests, by their `IncomingMessage`. */
  readonly #exchanges = new Map<object, HttpExchange>()
  readonly #listener: (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>
  readonly #refusals: OriginRefusals
  readonly #unguard: () => void
  #draining = false

  /** @throws {RangeError} naming the option that is out of range. */
  constructor(application: ServedApplication, options: ConnectionOptions) {
    this.#application = application
    this.options = resolveOptions(options)
    this.#hosts = new HostPolicy(this.options.allowedHosts)
    this.#refusals = new OriginRefusals(application.logger)
    this.#scopeOptions = { rootPath: this.options.rootPath, proxies: proxyTrust(this.options.trustProxy) }
    this.#context = {
      handshakers: new Handshakers(this.options),
      heartbeat: new Heartbeat(this.options),
      unread: new UnreadWatch(this.options.unreadTimeout),
      limits: this.options,
    }
    this.#unguard = guardProcess()
    this.#listener = getRequestListener(
      async (request, pair) => {
        const exchange = this.#exchanges.get(pair.incoming) as HttpExchange
        const { scope, incoming, outgoing } = exchange
        // The adapter's own signal aborts only when the client leaves.
        Object.defineProperty(request, 'signal', { get: () => exchange.signal, configurable: true })
        const fault = restoreBody(incoming)
        const whole = fault ? withFailingBody(request, fault) : request
        await exchange.send(
          await application.http.respond(whole, scope, { incoming, outgoing }, this.options.origins),
        )
        return RESPONSE_ALREADY_SENT
      },
      // Called when the adapter cannot make a request, for example for a bad Host behind a proxy.
      { overrideGlobalObjects: false, errorHandler: () => new HttpError('bad_request').toResponse() },
    )
  }

  /** Restricts the hosts of a server that only this machine reaches: see `HostPolicy`. */
  guardHosts(own: readonly string[]): void {
    this.#hosts = new HostPolicy(this.options.allowedHosts, own)
  }

  get draining(): boolean {
    return this.#draining
  }

  /** Whether this application answers an HTTP request, even if with an error. */
  serves(incoming: IncomingMessage): boolean {
    const path = this.#pathOf(incoming)
    return path !== undefined && this.#application.http.serves(path)
  }

  /** Whether a WebSocket route matches. */
  servesWebSocket(incoming: IncomingMessage): boolean {
    const path = this.#pathOf(incoming)
    return path !== undefined && this.#application.servesWebSocket(path)
  }

  /** Answers an HTTP request. */
  handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { logger } = this.#application
    if (this.options.serverName) outgoing.setHeader('server', this.options.serverName)
    let scope: RequestScope
    try {
      scope = this.#scopeOf('http', incoming)
    } catch (error) {
      return this.refuse(incoming, outgoing, this.#errorFor(error))
    }
    takeTarget(incoming, this.options.rootPath)
    const draining = (): boolean => this.#draining
    const onEnd = (): void => void this.#exchanges.delete(incoming)
    const options = { limits: this.options, logger, draining, onEnd }
    const exchange = new HttpExchange(scope, incoming, outgoing, options)
    this.#exchanges.set(incoming, exchange)
    this.#watchReading(exchange)
    this.#listener(incoming, outgoing).catch((error: unknown) => {
      logger.error({ err: error, scope: scopeForLog(scope) }, 'response failed')
      outgoing.destroy()
    })
  }

  /** Answers a request with an error, before routing. Pages of allowed origins can read it. */
  refuse(incoming: IncomingMessage, outgoing: ServerResponse, error: HttpError): void {
    // A page whose own name resolves to this server gets no access, whatever its origin.
    if (error.code === 'host_refused') return writeError(outgoing, error)
    try {
      const { headers } = crossingOf(crossingRequestOf(incoming), this.#origins)
      for (const [name, value] of Object.entries(headers)) outgoing.setHeader(name, value)
      writeError(outgoing, error)
    } catch (failure) {
      // The application's `origins` may be a function, which may throw.
      writeError(outgoing, this.#errorFor(failure))
    }
  }

  get #origins(): readonly (Origins | undefined)[] {
    return [this.#application.options.origins, this.options.origins]
  }

  /** Answers an upgrade. */
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Without a listener an error on the socket, a reset for example, would end the process.
    socket.on('error', ignore)
    try {
      const scope = this.#scopeOf('websocket', incoming)
      if (!asksForWebSocket(incoming))
        throw new HttpError('bad_request', 'Only upgrades to WebSocket are answered here.')
      if (this.#draining) throw drainingError()
      if (this.#transports.size >= this.options.maxConnections) {
        throw new HttpError('too_many_connections', undefined, { 'retry-after': '5' })
      }
      checkHandshake(incoming)
      void this.#connect(scope, incoming, socket, head)
    } catch (error) {
      answerOnSocket(socket, this.#errorFor(error), this.options.serverName)
    }
  }

  /**
   * Ends all connections: HTTP handlers and consumers are told, and sockets close with 1012. Resolves when
   * every handler of a consumer has ended. After `shutdownTimeout` it cuts the remaining sockets and
   * resolves.
   */
  async drain(): Promise<void> {
    this.#draining = true
    for (const exchange of this.#exchanges.values()) exchange.restart()
    const ends = [
      ...[...this.#transports].map(({ closed }) => closed),
      ...[...this.#sessions].map(({ finished }) => finished),
    ]
    for (const transport of this.#transports) {
      if (transport.answered) transport.session?.restart()
      else transport.abandon(drainingError())
    }
    const { promise: late, resolve } = Promise.withResolvers<'late'>()
    const timer = setTimeout(() => resolve('late'), this.options.shutdownTimeout * 1000)
    const outcome = await Promise.race([Promise.all(ends), late])
    clearTimeout(timer)
    this.#unguard()
    if (outcome !== 'late') return
    const left = { sockets: this.#transports.size, handlers: this.#sessions.size }
    this.#application.logger.warn(left, 'shutdown took too long: cutting the remaining connections')
    for (const transport of this.#transports) transport.terminate()
  }

  /** Resolves when every complete answer has been sent. */
  async sent(): Promise<void> {
    for (;;) {
      const waiting = [...this.#exchanges.values()].filter(({ outgoing }) => outgoing.writableEnded)
      if (waiting.length === 0) return
      await Promise.all(waiting.map(({ outgoing }) => once(outgoing, 'close')))
    }
  }

  async #connect(
    scope: RequestScope,
    incoming: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    const { logger } = this.#application
    const undecided = new AbortController()
    const onAnswer = (status: number): void => {
      clearTimeout(timer)
      if (status !== 101) undecided.abort()
      if (!this.options.accessLog) return
      const logged = scopeForLog(scope)
      logger.info({ scope: logged, status }, 'websocket')
      if (status === 101) logClosing(transport, logged, logger)
    }
    const onBroken = (error: unknown): void => void this.#errorFor(error, scope)
    const transport = new WebSocketTransport({ incoming, socket, head, onAnswer, onBroken }, this.#context)
    this.#track(transport)
    const timer = setTimeout(() => {
      const who = transport.session ? 'consumer neither accepted nor refused' : 'authenticate did not answer'
      logger.warn({ scope: scopeForLog(scope), seconds: this.options.handshakeTimeout }, `${who} in time`)
      transport.abandon(new HttpError('handshake_timeout'))
    }, this.options.handshakeTimeout * 1000)
    try {
      const consumer = await this.#application.admit(scope, undecided.signal, this.options.origins)
      // The client may have left by now, or the server may be draining.
      if (transport.answered) return
      const session = this.#application.createSession(consumer, scope, transport)
      transport.session = session
      transport.maxMessageSize = scope.maxMessageSize
      this.#trackSession(session)
      session.open()
    } catch (error) {
      if (!transport.answered) transport.refuse(isResponse(error) ? error : this.#errorFor(error, scope))
    }
  }

  /** Cuts a client that does not read its HTTP answer. */
  #watchReading({ incoming, outgoing, scope }: HttpExchange): void {
    const { unread } = this.#context
    const { socket } = incoming
    const watched: Watched = {
      socket,
      cutUnread: () => {
        const fields = { unsent: socket.writableLength, seconds: this.options.unreadTimeout }
        this.#application.logger.info(
          { scope: scopeForLog(scope), ...fields },
          'client cut off: it does not read',
        )
        socket.destroy()
      },
    }
    unread.add(watched)
    outgoing.once('close', () => unread.delete(watched))
  }

  // Methods of their own: a closure in #connect would keep everything that the handshake needed.

  #track(transport: WebSocketTransport): void {
    this.#transports.add(transport)
    void transport.closed.then(() => this.#transports.delete(transport))
  }

  #trackSession(session: ConsumerSession): void {
    this.#sessions.add(session)
    void session.finished.then(() => this.#sessions.delete(session))
  }

  /** @throws {HttpError} for a request that is not for this server. */
  #scopeOf(type: 'http' | 'websocket', incoming: IncomingMessage): RequestScope {
    // Programs on the way differ in which of two Host headers they use.
    if (hostsOf(incoming) > 1) throw new HttpError('bad_request', 'The request has two Host headers.')
    const scope = new RequestScope(type, headOf(incoming), this.#scopeOptions)
    if (!this.#hosts.admits(scope)) throw this.#refusals.host(scope, this.#hosts.names)
    return scope
  }

  #pathOf({ url = '/' }: IncomingMessage): string | undefined {
    const target = parseTarget(url)
    return target && withoutRootPath(target.path, this.options.rootPath)
  }

  #errorFor(error: unknown, scope?: RequestScope): HttpError {
    if (error instanceof HttpError) return error
    this.#application.logger.error(
      { err: error, ...(scope && { scope: scopeForLog(scope) }) },
      'request failed',
    )
    return new HttpError('internal_error')
  }
}

/** A function of its own, for the same reason. */
function logClosing(transport: WebSocketTransport, scope: object, logger: Logger): void {
  const openedAt = performance.now()
  void transport.closed.then(() => {
    const seconds = Math.round(performance.now() - openedAt) / 1000
    logger.info({ scope, ...transport.figures, seconds }, 'websocket closed')
  })
}

function hostsOf({ rawHeaders }: IncomingMessage): number {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]
    if (name?.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count
}

function ignore(): void {}
