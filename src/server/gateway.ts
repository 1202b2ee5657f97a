/**
 * Where connections enter an application: the HTTP and upgrade listeners of one `node:http` server,
 * with its limits, its heartbeat and its part in a shutdown.
 */
import { getRequestListener } from '@hono/node-server'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { WebSocketServer } from 'ws'
import { scopeForLog } from '../consumers/scope.ts'
import type { ConsumerSession } from '../consumers/session.ts'
import { CloseCode } from '../protocol/close-codes.ts'
import { HttpError } from '../protocol/errors.ts'
import { logRequest } from './access-log.ts'
import type { Application } from './application.ts'
import { answerOnSocket, asksForWebSocket, checkHandshake } from './handshake.ts'
import { Heartbeat } from './heartbeat.ts'
import { type ConnectionOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { hostAllowed } from './origin-policy.ts'
import { proxyTrust } from './proxy-trust.ts'
import { RequestScope, type ScopeOptions, headOf } from './request-scope.ts'
import { writeResponse } from './write-response.ts'
import { WebSocketTransport, createWebSocketServer } from './websocket-transport.ts'

export class Gateway {
  readonly options: ResolvedOptions
  readonly #application: Application
  readonly #scopeOptions: ScopeOptions
  readonly #webSockets: WebSocketServer
  readonly #heartbeat: Heartbeat
  readonly #sessions = new Map<ConsumerSession, WebSocketTransport>()
  readonly #scopes = new WeakMap<object, RequestScope>()
  readonly #listener: (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>
  #connections = 0
  #draining = false

  /** @throws {RangeError} naming the option that is out of range. */
  constructor(application: Application, options: ConnectionOptions) {
    this.#application = application
    this.options = resolveOptions(options)
    this.#scopeOptions = { rootPath: this.options.rootPath, proxies: proxyTrust(this.options.trustProxy) }
    this.#webSockets = createWebSocketServer(this.options)
    this.#heartbeat = new Heartbeat(this.options)
    this.#listener = getRequestListener(
      (request, { incoming, outgoing }) => {
        const pair = { incoming: incoming as IncomingMessage, outgoing: outgoing as ServerResponse }
        const scope = this.#scopes.get(incoming) as RequestScope
        return application.http.respond(request, scope, pair)
      },
      { overrideGlobalObjects: false },
    )
  }

  get draining(): boolean {
    return this.#draining
  }

  /** Answers an HTTP request, or passes it on where there is a next handler and no route. */
  handle(incoming: IncomingMessage, outgoing: ServerResponse, next?: (error?: unknown) => void): void {
    let scope: RequestScope
    try {
      scope = new RequestScope('http', headOf(incoming), this.#scopeOptions)
      if (next && !this.#application.http.serves(scope.path)) return next()
      if (!hostAllowed(scope.host, this.options.allowedHosts)) throw new HttpError('host_refused')
    } catch (error) {
      return writeResponse(outgoing, this.#errorFor(error))
    }
    if (this.options.serverName) outgoing.setHeader('server', this.options.serverName)
    if (this.#draining) outgoing.setHeader('connection', 'close')
    if (this.options.accessLog) logRequest(this.#application.logger, scope, outgoing)
    if (this.options.httpTimeout > 0) this.#limit(outgoing)
    this.#scopes.set(incoming, scope)
    this.#listener(incoming, outgoing).catch((error: unknown) => {
      this.#application.logger.error({ err: error, scope: scopeForLog(scope) }, 'HTTP response failed')
      outgoing.destroy()
    })
  }

  /** Answers an upgrade. With `shared`, one that no route of this application serves is left alone. */
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer, shared: boolean): void {
    // Without a listener an error on the socket, a reset for example, would end the process.
    socket.on('error', ignore)
    try {
      const scope = new RequestScope('websocket', headOf(incoming), this.#scopeOptions)
      if (shared && !this.#application.servesWebSocket(scope.path)) return void socket.off('error', ignore)
      if (!asksForWebSocket(incoming)) throw new HttpError('bad_request', 'Only upgrades to WebSocket are answered here.')
      if (!hostAllowed(scope.host, this.options.allowedHosts)) throw new HttpError('host_refused')
      if (this.#draining) throw new HttpError('draining', undefined, { 'retry-after': '1' })
      if (this.#connections >= this.options.maxConnections) {
        throw new HttpError('too_many_connections', undefined, { 'retry-after': '5' })
      }
      checkHandshake(incoming)
      void this.#connect(scope, incoming, socket, head)
    } catch (error) {
      answerOnSocket(socket, this.#errorFor(error), this.options.serverName)
    }
  }

  /**
   * Ends what is open: consumers are told and sockets close with 1012. Resolves when every handler
   * has ended, or when `shutdownTimeout` has passed and the rest was cut.
   */
  async drain(): Promise<void> {
    this.#draining = true
    for (const session of this.#sessions.keys()) session.close(CloseCode.serviceRestart, 'The server is restarting')
    const { promise: late, resolve } = Promise.withResolvers<'late'>()
    const timer = setTimeout(() => resolve('late'), this.options.shutdownTimeout * 1000)
    const all = Promise.all([...this.#sessions].flatMap(([session, transport]) => [session.finished, transport.closed]))
    const outcome = await Promise.race([all, late])
    clearTimeout(timer)
    if (outcome !== 'late') return
    this.#application.logger.warn({ connections: this.#sessions.size }, 'shutdown took too long: cutting what is left')
    for (const transport of this.#sessions.values()) transport.terminate()
  }

  async #connect(scope: RequestScope, incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    this.#connections++
    socket.once('close', () => this.#connections--)
    const { logger } = this.#application
    const transport = new WebSocketTransport({
      incoming,
      socket,
      head,
      server: this.#webSockets,
      heartbeat: this.#heartbeat,
      limits: this.options,
      onAnswer: (status) => {
        clearTimeout(timer)
        if (this.options.accessLog) logger.info({ scope: scopeForLog(scope), status }, 'websocket')
      },
    })
    const timer = setTimeout(() => {
      transport.refuse(new HttpError('handshake_timeout'))
      transport.session?.disconnected(CloseCode.abnormal, 'The consumer did not accept in time')
    }, this.options.handshakeTimeout * 1000)
    try {
      const consumer = await this.#application.admit(scope)
      if (transport.answered) return
      const session = this.#application.createSession(consumer, scope, transport)
      transport.session = session
      this.#sessions.set(session, transport)
      void session.finished.then(() => this.#sessions.delete(session))
      session.open()
      // Whoever was being admitted when the drain began was not among those it told.
      if (this.#draining) session.close(CloseCode.serviceRestart, 'The server is restarting')
    } catch (error) {
      transport.refuse(this.#errorFor(error, scope))
    }
  }

  #limit(outgoing: ServerResponse): void {
    const timer = setTimeout(() => {
      if (!outgoing.headersSent) writeResponse(outgoing, new HttpError('response_timeout'))
    }, this.options.httpTimeout * 1000)
    outgoing.once('close', () => clearTimeout(timer))
  }

  #errorFor(error: unknown, scope?: RequestScope): HttpError {
    if (error instanceof HttpError) return error
    this.#application.logger.error({ err: error, ...(scope && { scope: scopeForLog(scope) }) }, 'request failed')
    return new HttpError('internal_error')
  }
}

function ignore(): void {}
