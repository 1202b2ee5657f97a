/**
 * How a server treats connections, as opposed to what the application is: limits, times, proxies.
 * Every duration is in seconds and every size in bytes. The CLI's flags, its help and docs/cli.md
 * take their defaults from here.
 */
import type { TlsOptions } from 'node:tls'
import { LONGEST_TIMER } from '../time/duration.ts'
import type { SocketAccess } from './listening/unix-socket.ts'

export interface ConnectionOptions {
  /** Seconds between pings on a WebSocket. 0 sends none. */
  readonly pingInterval?: number
  /** Seconds a peer has to answer a ping, by anything, before it counts as dead. 0 waits for none. */
  readonly pingTimeout?: number
  /** Seconds for request headers to arrive, and for a consumer to accept or refuse a WebSocket; above 0. */
  readonly handshakeTimeout?: number
  /** Longest life of a WebSocket, in seconds; then it closes with 1001. 0 sets none. */
  readonly maxLifetime?: number
  /** Largest message a client may send, where its route says nothing else; a larger one closes with 1009. */
  readonly maxMessageSize?: number
  /** Most fragments one message may come in; more close with 1008. */
  readonly maxFragments?: number
  /** Most WebSockets at one time; a further one is answered 503. */
  readonly maxConnections?: number
  /** Unsent bytes on a WebSocket from which `send` waits for the client to read. */
  readonly highWaterMark?: number
  /**
   * Unsent bytes at which a client is cut off, for handlers that do not await. The largest message among
   * them does not count: a single one may be larger than this.
   */
  readonly maxUnsent?: number
  /**
   * Seconds in which a client for which something waits takes none of it, before it is cut off; above 0.
   * Pings and pongs do not help it. Holds for WebSockets and for HTTP answers.
   */
  readonly unreadTimeout?: number
  /**
   * Seconds for a whole HTTP request to arrive, its body included; then 408. At least the handshake timeout;
   * 0 sets none.
   */
  readonly requestTimeout?: number
  /**
   * Seconds that a connection without a request is kept open, on a server of Millrace's own; 0 sets no
   * limit. Longer than the 60 s after which common load balancers drop an idle one themselves.
   */
  readonly keepAliveTimeout?: number
  /** Seconds for an HTTP answer to begin; then 503. 0 sets none. */
  readonly httpTimeout?: number
  /**
   * Whose X-Forwarded-For, -Proto and -Host headers to believe: addresses and CIDR ranges of the
   * proxies, or `true` for whoever connects (only behind a proxy that nothing goes around).
   */
  readonly trustProxy?: boolean | readonly string[]
  /** The prefix under which a proxy serves this application, such as `/app`. */
  readonly rootPath?: string
  /**
   * Hosts this server answers to, `*.example.com` included, at any port; others get 421. Undefined answers all, except
   * on a loopback address: there it is the names of this machine, unless proxies are trusted and
   * `authenticate` is asked. `'*'` answers all everywhere.
   */
  readonly allowedHosts?: readonly string[] | undefined
  /** Origins whose pages may open WebSockets, beside those that the application and its routes allow. */
  readonly origins?: readonly string[]
  /** Logs each request and each WebSocket. */
  readonly accessLog?: boolean
  /** What the `Server` header says; empty for no such header. */
  readonly serverName?: string
  /** Seconds that a shutdown waits for handlers and answers under way. 0 cuts them. */
  readonly shutdownTimeout?: number
}

export interface ListenOptions extends ConnectionOptions, SocketAccess {
  /** Address or name to bind. Beyond loopback it needs `authenticate`, or `allowAnonymous`. */
  readonly host?: string
  /** 0 takes a free one. */
  readonly port?: number
  /** Path of a unix socket to bind instead of host and port. */
  readonly unixSocket?: string
  /** An inherited, listening file descriptor to use instead of host and port. */
  readonly fd?: number
  /** Certificate and key, in PEM; the server then speaks https and wss only. */
  readonly tls?: Pick<TlsOptions, 'cert' | 'key' | 'passphrase' | 'ca'>
  /** Lets an application without `authenticate` bind beyond loopback. */
  readonly allowAnonymous?: boolean
  /** Which of several processes this is, for what the health probes answer. */
  readonly worker?: number
}

export const CONNECTION_DEFAULTS = {
  pingInterval: 20,
  pingTimeout: 30,
  handshakeTimeout: 5,
  maxLifetime: 86_400,
  maxMessageSize: 1_048_576,
  maxFragments: 1_024,
  maxConnections: 10_000,
  highWaterMark: 65_536,
  maxUnsent: 16_777_216,
  unreadTimeout: 60,
  requestTimeout: 300,
  keepAliveTimeout: 65,
  httpTimeout: 0,
  trustProxy: false,
  rootPath: '',
  allowedHosts: undefined,
  origins: [],
  accessLog: false,
  serverName: 'millrace',
  shutdownTimeout: 10,
} as const satisfies Required<ConnectionOptions>

export const LISTEN_DEFAULTS = { host: '127.0.0.1', port: 8000 } as const

export type ResolvedOptions = Required<ConnectionOptions>

const SECONDS = [
  'pingInterval',
  'pingTimeout',
  'handshakeTimeout',
  'maxLifetime',
  'unreadTimeout',
  'requestTimeout',
  'keepAliveTimeout',
  'httpTimeout',
  'shutdownTimeout',
] as const
const COUNTS = ['maxMessageSize', 'maxFragments', 'maxConnections', 'highWaterMark', 'maxUnsent'] as const

/** @throws {RangeError} naming the option that is out of range. */
export function resolveOptions(options: ConnectionOptions): ResolvedOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const resolved: ResolvedOptions = { ...CONNECTION_DEFAULTS, ...given }
  for (const name of SECONDS) {
    const value = resolved[name]
    if (!(value >= 0 && value <= LONGEST_TIMER))
      throw new RangeError(`${name} is ${value}; it takes 0 to ${LONGEST_TIMER} seconds`)
  }
  if (resolved.handshakeTimeout === 0)
    throw new RangeError('handshakeTimeout is 0; nobody connects in no time')
  const { handshakeTimeout } = resolved
  const requestTimeout = options.requestTimeout ?? Math.max(resolved.requestTimeout, handshakeTimeout)
  if (requestTimeout > 0 && requestTimeout < handshakeTimeout)
    throw new RangeError(
      `requestTimeout is ${requestTimeout}; it includes the headers, which have ${handshakeTimeout} s`,
    )
  if (resolved.unreadTimeout === 0) throw new RangeError('unreadTimeout is 0; nobody reads in no time')
  for (const name of COUNTS) {
    if (!(Number.isSafeInteger(resolved[name]) && resolved[name] > 0)) {
      throw new RangeError(`${name} is ${resolved[name]}; it takes a whole number above 0`)
    }
  }
  // `send` would cut a client before it ever waited for it, also where its handler awaits.
  if (resolved.highWaterMark > resolved.maxUnsent)
    throw new RangeError(
      `highWaterMark is ${resolved.highWaterMark}; a client is cut off at ${resolved.maxUnsent}, which is maxUnsent`,
    )
  return { ...resolved, requestTimeout, rootPath: normalRootPath(resolved.rootPath) }
}

function normalRootPath(rootPath: string): string {
  const path = rootPath.replace(/\/+$/, '')
  if (path !== '' && !path.startsWith('/'))
    throw new RangeError(`rootPath is "${rootPath}"; it begins with a slash`)
  // What clients would send otherwise than it is written is never asked for, and //name would be a host to them.
  if (path.includes('//') || new URL(path, 'http://host').pathname !== (path || '/'))
    throw new RangeError(
      `rootPath is "${rootPath}"; it is a path as it stands in an address, such as /app or /a%20b`,
    )
  return path
}
