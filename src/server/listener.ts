/** A server of Millrace's own on a port, a unix socket or an inherited descriptor. */
import { unlink } from 'node:fs/promises'
import { type Server, type ServerOptions, createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { HttpError } from '../protocol/errors.ts'
import type { Application } from './application.ts'
import { Gateway } from './gateway.ts'
import { answerOnSocket, asksForWebSocket } from './handshake.ts'
import { answerProbe } from './health.ts'
import { LISTEN_DEFAULTS, type ListenOptions } from './options.ts'
import { StartError } from './start-error.ts'

export interface RunningServer {
  /** Where to point a browser; `unix:<path>` for a unix socket. */
  readonly url: string
  readonly port: number
  /** The server underneath, for what Millrace does not cover. */
  readonly server: Server
  /**
   * Shuts down: no new connections, consumers told, answers under way completed, and the rest cut
   * after `shutdownTimeout`. Calling it twice is calling it once.
   */
  close(): Promise<void>
  readonly closed: Promise<void>
}

/** @throws {StartError} */
export async function listen(application: Application, options: ListenOptions): Promise<RunningServer> {
  const host = options.host ?? LISTEN_DEFAULTS.host
  const local = options.unixSocket !== undefined || options.fd !== undefined || isLoopback(host)
  if (!local && !application.options.authenticate && !options.allowAnonymous) {
    throw new StartError(
      'anonymous_refused',
      `Binding ${host} would open this application to the network without authentication: give it an authenticate hook, or allow anonymous access`,
    )
  }
  const gateway = new Gateway(application, { ...options, allowedHosts: options.allowedHosts ?? ownHosts(host, options) })
  const server = createNodeServer(gateway, options)
  connectEvents(server, gateway, application)
  await bind(server, host, options)
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  let closing: Promise<void> | undefined
  const address = server.address()
  return {
    url: urlOf(address, host, options.tls !== undefined),
    port: typeof address === 'object' && address ? address.port : 0,
    server,
    close: () => (closing ??= shutDown(server, gateway).then(resolve)),
    closed,
  }
}

function createNodeServer(gateway: Gateway, options: ListenOptions): Server {
  const config: ServerOptions & { shouldUpgradeCallback: typeof asksForWebSocket } = {
    headersTimeout: gateway.options.handshakeTimeout * 1000,
    connectionsCheckingInterval: Math.max(50, Math.min(1000, gateway.options.handshakeTimeout * 200)),
    // Longer than the 60 s after which common load balancers drop an idle connection themselves.
    keepAliveTimeout: 65_000,
    // Other upgrades, curl's h2c for example, are plain requests (Node 24.9 and later).
    shouldUpgradeCallback: asksForWebSocket,
  }
  let server: Server
  try {
    server = options.tls ? createTlsServer({ ...config, ...options.tls }) : createServer(config)
  } catch (error) {
    throw new StartError('bad_certificate', `The TLS certificate or key cannot be used: ${messageOf(error)}`, error)
  }
  // WebSockets are counted and answered one by one; this cap is for what never gets that far.
  server.maxConnections = gateway.options.maxConnections * 2
  return server
}

function connectEvents(server: Server, gateway: Gateway, application: Application): void {
  server.on('request', (incoming, outgoing) => {
    if (!answerProbe(incoming, outgoing, application.options, gateway.draining)) gateway.handle(incoming, outgoing)
  })
  server.on('upgrade', (incoming, socket, head) => gateway.upgrade(incoming, socket, head, false))
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET') return void socket.destroy()
    answerOnSocket(socket, clientError(error.code), gateway.options.serverName)
  })
  server.on('drop', () => application.logger.warn({}, 'connection dropped: too many are open'))
}

function clientError(code: string | undefined): HttpError {
  if (code === 'HPE_HEADER_OVERFLOW') return new HttpError('headers_too_large')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new HttpError('request_timeout')
  return new HttpError('bad_request')
}

async function bind(server: Server, host: string, options: ListenOptions): Promise<void> {
  const port = options.port ?? LISTEN_DEFAULTS.port
  const { unixSocket, fd } = options
  const target = unixSocket !== undefined ? { path: unixSocket } : fd !== undefined ? { fd } : { host, port }
  try {
    await listenOnce(server, target)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE' && unixSocket !== undefined && !(await answers(unixSocket))) {
      // A process that was killed leaves its socket file behind.
      await unlink(unixSocket)
      return await listenOnce(server, target)
    }
    throw startError(code, unixSocket ?? (fd === undefined ? `${host}:${port}` : `descriptor ${fd}`), error)
  }
}

function listenOnce(server: Server, target: { path: string } | { fd: number } | { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(target, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Whether a process listens on a unix socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => resolve(true)).once('error', () => resolve(false))
    probe.once('connect', () => probe.destroy())
  })
}

function startError(code: string | undefined, where: string, error: unknown): StartError {
  switch (code) {
    case 'EADDRINUSE':
      return new StartError('address_in_use', `${where} is taken by another process`, error)
    case 'EACCES':
    case 'EPERM':
      return new StartError('permission_denied', `No permission to bind ${where}`, error)
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new StartError('address_unavailable', `${where} is not an address of this machine`, error)
    default:
      return new StartError('failed', `Could not listen on ${where}: ${messageOf(error)}`, error)
  }
}

async function shutDown(server: Server, gateway: Gateway): Promise<void> {
  const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), gateway.options.shutdownTimeout * 1000)
  await Promise.all([gateway.drain(), stopped])
  clearTimeout(timer)
}

function urlOf(address: AddressInfo | string | null, host: string, tls: boolean): string {
  if (typeof address === 'string') return `unix:${address}`
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : isIP(host) === 6 ? `[${host}]` : host
  return `${tls ? 'https' : 'http'}://${shown}:${address?.port ?? 0}`
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

/**
 * A page of any site can have its own name resolve to 127.0.0.1 and is then of the same origin as a
 * local server. So one that only serves this machine answers to this machine's names.
 */
function ownHosts(host: string, options: ListenOptions): readonly string[] | undefined {
  const behindProxy = options.trustProxy !== undefined && options.trustProxy !== false
  if (behindProxy || options.unixSocket !== undefined || options.fd !== undefined || !isLoopback(host)) return undefined
  return ['localhost', '*.localhost', '127.0.0.1', '[::1]', host]
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
