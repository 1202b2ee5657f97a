/**
 * The options of a server, as opposed to those of the application: limits, times, proxies. Durations are in
 * seconds and sizes in bytes. The command line's flags, its help and docs/cli.md take their defaults from
 * here.
 */
import { type OptionNames, namesOf } from '../protocol/known-options.ts'
import type { TlsOptions } from 'node:tls'
import { LONGEST_TIMER } from '../time/duration.ts'
import type { SocketAccess } from './listening/unix-socket.ts'

export interface ConnectionOptions {
  /** Seconds between pings on a WebSocket. 0 sends none. */
  readonly pingInterval?: number
  /** Seconds that a peer has to answer a ping, with any frame, before it counts as dead. 0 sets no limit. */
  readonly pingTimeout?: number
  /** Seconds for request headers to arrive, and for a consumer to accept or refuse a WebSocket; above 0. */
  readonly handshakeTimeout?: number
  /** Longest life of a WebSocket, in seconds; then it closes with 1001. 0 sets none. */
  readonly maxLifetime?: number
  /**
   * Largest message that a client may send, unless its route has a limit of its own. A larger one closes with
   * 1009.
   */
  readonly maxMessageSize?: number
  /** Most fragments of one message; more close with 1008. */
  readonly maxFragments?: number
  /** Most WebSockets at one time; another one is answered 503. */
  readonly maxConnections?: number
  /** Unsent bytes on a WebSocket from which `send` waits for the client to read. */
  readonly highWaterMark?: number
  /**
   * Unsent bytes at which a client is cut off, for handlers that do not await. The largest unsent message
   * does not count, so that a single message may be larger than this.
   */
  readonly maxUnsent?: number
  /**
   * Seconds after which a client that reads nothing of what waits for it is cut off; above 0. Pings and pongs
   * do not count as reading. Applies to WebSockets and to HTTP answers.
   */
  readonly unreadTimeout?: number
  /**
   * Seconds for a whole HTTP request to arrive, including its body; then 408. At least the handshake timeout;
   * 0 sets no limit.
   */
  readonly requestTimeout?: number
  /**
   * Seconds that a connection without a request is kept open, on Millrace's own server; 0 sets no limit. The
   * default is longer than the 60 s after which common load balancers close an idle connection.
   */
  readonly keepAliveTimeout?: number
  /** Seconds for an HTTP answer to begin; then 503. 0 sets no limit. */
  readonly httpTimeout?: number
  /**
   * The proxies whose X-Forwarded-For, -Proto and -Host headers are trusted: addresses and CIDR ranges, or
   * `true` for every peer (only when all connections come through a proxy).
   */
  readonly trustProxy?: boolean | readonly string[]
  /** The prefix under which a proxy serves this application, such as `/app`. */
  readonly rootPath?: string
  /**
   * The hosts that this server answers, such as `app.example` and `*.example.com`, at any port; others get
   * 421. By default it answers all hosts, but on a loopback address only the names of this machine, unless
   * proxies are trusted and there is an `authenticate`. `'*'` answers all hosts on every address.
   */
  readonly allowedHosts?: readonly string[] | undefined
  /** Origins whose pages may open WebSockets, in addition to those of the application and its routes. */
  readonly origins?: readonly string[]
  /** Logs each request and each WebSocket. */
  readonly accessLog?: boolean
  /** The `Server` header; empty for none. */
  readonly serverName?: string
  /** Seconds that a shutdown waits for running handlers and answers. 0 cuts them at once. */
  readonly shutdownTimeout?: number
}

export interface ListenOptions extends ConnectionOptions, SocketAccess {
  /** Address or name to bind. Any but a loopback address needs `authenticate` or `allowAnonymous`. */
  readonly host?: string
  /** 0 takes a free port. */
  readonly port?: number
  /** Path of a unix socket to bind instead of host and port. */
  readonly unixSocket?: string
  /** An inherited, listening file descriptor to use instead of host and port. */
  readonly fd?: number
  /** Certificate and key, in PEM. The server then speaks only https and wss. */
  readonly tls?: Pick<TlsOptions, 'cert' | 'key' | 'passphrase' | 'ca'>
  /** Lets an application without `authenticate` bind an address other than loopback. */
  readonly allowAnonymous?: boolean
  /** The number of this worker process, for the answers to health probes. */
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

export const CONNECTION_OPTIONS: OptionNames<ConnectionOptions> =
  namesOf<ConnectionOptions>(CONNECTION_DEFAULTS)

export const LISTEN_OPTIONS: OptionNames<ListenOptions> = {
  ...CONNECTION_OPTIONS,
  host: true,
  port: true,
  unixSocket: true,
  unixSocketMode: true,
  unixSocketGroup: true,
  fd: true,
  tls: { cert: true, key: true, passphrase: true, ca: true },
  allowAnonymous: true,
  worker: true,
}

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
  if (resolved.handshakeTimeout === 0) throw new RangeError('handshakeTimeout is 0; it takes seconds above 0')
  const { handshakeTimeout } = resolved
  const requestTimeout = options.requestTimeout ?? Math.max(resolved.requestTimeout, handshakeTimeout)
  if (requestTimeout > 0 && requestTimeout < handshakeTimeout)
    throw new RangeError(
      `requestTimeout is ${requestTimeout}; it takes at least the handshakeTimeout, ${handshakeTimeout} s`,
    )
  if (resolved.unreadTimeout === 0) throw new RangeError('unreadTimeout is 0; it takes seconds above 0')
  for (const name of COUNTS) {
    if (!(Number.isSafeInteger(resolved[name]) && resolved[name] > 0)) {
      throw new RangeError(`${name} is ${resolved[name]}; it takes a whole number above 0`)
    }
  }
  // Otherwise `send` would cut a client before it waits for it, even when its handler awaits.
  if (resolved.highWaterMark > resolved.maxUnsent)
    throw new RangeError(
      `highWaterMark is ${resolved.highWaterMark}; it takes at most maxUnsent, ${resolved.maxUnsent}`,
    )
  return { ...resolved, requestTimeout, rootPath: normalRootPath(resolved.rootPath) }
}

function normalRootPath(rootPath: string): string {
  const path = rootPath.replace(/\/+$/, '')
  if (path !== '' && !path.startsWith('/'))
    throw new RangeError(`rootPath is "${rootPath}"; it must begin with a slash`)
  // A path that clients normalise would never match, and they would read //name as a host.
  if (path.includes('//') || new URL(path, 'http://host').pathname !== (path || '/'))
    throw new RangeError(`rootPath is "${rootPath}"; it takes a path as in a URL, such as /app or /a%20b`)
  return path
}
