/** Millrace's own server, on a port, a unix socket or an inherited descriptor. */
import { type Server, type ServerOptions, createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, Server as NetServer, type Socket, isIP } from 'node:net'
import type { ServedApplication } from '../served-application.ts'
import { Gateway } from '../gateway.ts'
import { asksForWebSocket } from '../websocket/handshake.ts'
import { LISTEN_DEFAULTS, type ListenOptions } from '../options.ts'
import { connectEvents } from './server-events.ts'
import { StartError } from './start-error.ts'
import { type SocketAccess, giveAccess, makeGuarded, removeStale } from './unix-socket.ts'

export interface RunningServer {
  /** The address for a browser; `unix:<path>` for a unix socket. */
  readonly url: string
  readonly port: number
  /** The `node:http` server, for features that Millrace does not cover. */
  readonly server: Server
  /**
   * Shuts down: accepts no new connections, tells consumers, completes pending answers, and cuts the rest
   * after `shutdownTimeout`. Further calls return the same promise.
   */
  close(): Promise<void>
  readonly closed: Promise<void>
}

/** @throws {StartError} */
export async function listen(application: ServedApplication, options: ListenOptions): Promise<RunningServer> {
  const host = options.host ?? LISTEN_DEFAULTS.host
  const open = application.options.authenticate !== undefined || options.allowAnonymous === true
  if (!open && options.unixSocket === undefined && options.fd === undefined) refuseBeyondLoopback(host)
  const gateway = new Gateway(application, options)
  const server = createNodeServer(gateway, options)
  const sockets = socketsOf(server)
  connectEvents(server, gateway, application, options.worker)
  await bind(server, host, options)
  const address = server.address()
  guardHosts(gateway, application, options.fd === undefined ? host : addressOf(address), options)
  if (!open && options.fd !== undefined && typeof address === 'object' && address) {
    // The address of an inherited descriptor is known only now.
    try {
      refuseBeyondLoopback(address.address)
    } catch (error) {
      server.close()
      throw error
    }
  }
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  let closing: Promise<void> | undefined
  return {
    url: urlOf(address, options.fd === undefined ? host : undefined, options.tls !== undefined),
    port: typeof address === 'object' && address ? address.port : 0,
    server,
    close: () => (closing ??= shutDown(server, sockets, gateway).then(resolve)),
    closed,
  }
}

/** @throws {StartError} */
function refuseBeyondLoopback(host: string): void {
  if (isLoopback(host)) return
  const why = `Binding ${host} would open this application to the network without authentication`
  throw new StartError('anonymous_refused', `${why}: give it an authenticate hook, or allow anonymous access`)
}

function createNodeServer(gateway: Gateway, options: ListenOptions): Server {
  const config: ServerOptions & { shouldUpgradeCallback: typeof asksForWebSocket } = {
    headersTimeout: gateway.options.handshakeTimeout * 1000,
    requestTimeout: gateway.options.requestTimeout * 1000,
    connectionsCheckingInterval: Math.max(50, Math.min(1000, gateway.options.handshakeTimeout * 200)),
    keepAliveTimeout: gateway.options.keepAliveTimeout * 1000,
    // Requests for other upgrades, such as curl's h2c, are plain requests (Node 24.9 and later).
    shouldUpgradeCallback: asksForWebSocket,
  }
  const { tls } = options
  if (tls && !(tls.cert && tls.key))
    throw new StartError('bad_certificate', 'TLS needs a certificate and its key')
  let server: Server
  try {
    const handshakeTimeout = gateway.options.handshakeTimeout * 1000
    server = tls ? createTlsServer({ ...config, ...tls, handshakeTimeout }) : createServer(config)
  } catch (error) {
    throw new StartError(
      'bad_certificate',
      `The TLS certificate or key cannot be used: ${messageOf(error)}`,
      error,
    )
  }
  return server
}

async function bind(server: Server, host: string, options: ListenOptions): Promise<void> {
  const port = options.port ?? LISTEN_DEFAULTS.port
  const { unixSocket, fd } = options
  const target = unixSocket !== undefined ? { path: unixSocket } : fd !== undefined ? { fd } : { host, port }
  try {
    if (unixSocket !== undefined) await removeStale(unixSocket)
    await listenOnce(server, target, options)
  } catch (error) {
    const where = unixSocket ?? (fd === undefined ? `${host}:${port}` : `descriptor ${fd}`)
    throw startError((error as NodeJS.ErrnoException).code, where, error)
  }
  if (unixSocket === undefined) return
  try {
    await giveAccess(unixSocket, options)
  } catch (error) {
    server.close()
    throw new StartError(
      'failed',
      `The permissions of ${unixSocket} could not be set: ${messageOf(error)}`,
      error,
    )
  }
}

function listenOnce(
  server: Server,
  target: { path: string } | { fd: number } | { host: string; port: number },
  access: SocketAccess,
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const listening = (): void => {
      server.off('error', reject)
      resolve()
    }
    makeGuarded(access, () => server.listen(target, listening))
  })
}

function startError(code: string | undefined, where: string, error: unknown): StartError {
  switch (code) {
    case 'EADDRINUSE':
      return new StartError('address_in_use', `${where} is already in use by another process`, error)
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

/** Seconds that a shutdown waits for the first request on a connection, which may be under way. */
const FIRST_REQUEST = 1

async function shutDown(server: Server, sockets: ReadonlySet<Socket>, gateway: Gateway): Promise<void> {
  // The http server's own `close` would cut connections whose answer is complete but not sent yet.
  const stopped = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()))
  void gateway.sent().then(() => server.close())
  const { shutdownTimeout } = gateway.options
  // Node does not count a connection as idle that a browser opened in advance, without a request.
  const silent = setTimeout(
    () => {
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
    },
    Math.min(FIRST_REQUEST, shutdownTimeout) * 1000,
  )
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy()
  }, shutdownTimeout * 1000)
  await Promise.all([gateway.drain(), stopped])
  clearTimeout(silent)
  clearTimeout(timer)
}

/**
 * Every open socket. The server itself does not track those that it upgraded, or that are in a TLS handshake.
 */
function socketsOf(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>()
  const forget = function (this: Socket): void {
    sockets.delete(this)
  }
  const add = (socket: Socket): void => void sockets.add(socket.once('close', forget))
  // Over TLS a connection has two sockets, one in the other.
  server.on('connection', add).on('secureConnection', add)
  return sockets
}

function urlOf(address: AddressInfo | string | null, named: string | undefined, tls: boolean): string {
  if (typeof address === 'string') return `unix:${address}`
  const host = named ?? address?.address ?? ''
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : isIP(host) === 6 ? `[${host}]` : host
  return `${tls ? 'https' : 'http'}://${shown}:${address?.port ?? 0}`
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

function addressOf(address: AddressInfo | string | null): string | undefined {
  return typeof address === 'object' ? address?.address : undefined
}

/**
 * Restricts a server that only this machine reaches to this machine's names. Behind a proxy the server also
 * has the names of a site. With `authenticate` a page under another name has no session, so all names are
 * answered; without it, `allowedHosts` has to list them.
 */
function guardHosts(
  gateway: Gateway,
  { options: { authenticate }, logger }: ServedApplication,
  host: string | undefined,
  { trustProxy = false, allowedHosts, unixSocket }: ListenOptions,
): void {
  if (unixSocket !== undefined || host === undefined || !isLoopback(host)) return
  const behindProxy = trustProxy !== false
  if (behindProxy && authenticate !== undefined) return
  gateway.guardHosts([
    'localhost',
    '*.localhost',
    '127.0.0.1',
    '[::1]',
    isIP(host) === 6 ? `[${host}]` : host,
  ])
  if (!behindProxy || allowedHosts !== undefined) return
  const why = 'proxy headers are trusted and there is no authenticate'
  logger.warn(
    {},
    `${why}: only the names of this machine are answered; list those of the site in allowedHosts`,
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
