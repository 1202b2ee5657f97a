/**
 * The options of `millrace serve`, each in one place: the flag, what it sets, how its value is read and what
 * help says of it. commander's options, `--help`, the environment variables and docs/cli.md are made from
 * this table; defaults come from the server.
 */
import { DEFAULT_LAYER } from '../../channels/open-layer.ts'
import type { LogLevel } from '../../logging/pino.ts'
import { CONNECTION_DEFAULTS, LISTEN_DEFAULTS, type ListenOptions } from '../../server/options.ts'
import { DEFAULT_STORE } from '../../streams/open-store.ts'
import {
  type Kind,
  bytes,
  count,
  descriptor,
  hosts,
  origins,
  port,
  proxies,
  rootPath,
  seconds,
  text,
  workers,
  yes,
} from './kinds.ts'
import type { OptionFor } from './option.ts'
import {
  CLOSE_TIMEOUT_OPTION,
  EXPORT_OPTION,
  LAYER_OPTION,
  LOG_FORMAT_OPTION,
  STORE_OPTION,
  VERBOSITY_OPTION,
} from './shared-options.ts'

export type LogFormat = 'pretty' | 'json'

/** What flags and variables say; what they leave out has the defaults below. */
export interface ServeSettings extends Omit<ListenOptions, 'tls' | 'highWaterMark' | 'maxUnsent' | 'worker'> {
  /** Paths of PEM files. */
  readonly tlsCert?: string
  readonly tlsKey?: string
  /** Beside the application's own. */
  readonly origins?: readonly string[]
  readonly verbosity?: LogLevel
  readonly logFormat?: LogFormat
  readonly exportName?: string
  readonly watch?: boolean
  /** Where streams are kept; see `pathOfStore`. */
  readonly store?: string
  /** Where the channel layer is; see `openLayer`. */
  readonly channelLayer?: string
  /** Processes that serve; without it this one does. */
  readonly workers?: number
}

export const SERVE_DEFAULTS = {
  ...CONNECTION_DEFAULTS,
  ...LISTEN_DEFAULTS,
  allowAnonymous: false,
  verbosity: 'info',
  exportName: 'default',
  watch: false,
  store: DEFAULT_STORE,
  channelLayer: DEFAULT_LAYER,
} as const satisfies ServeSettings

export type ServeOption = OptionFor<ServeSettings>

export interface OptionGroup {
  readonly title: string
  readonly options: readonly ServeOption[]
}

export const OPTION_GROUPS: readonly OptionGroup[] = [
  {
    title: 'Application',
    options: [
      EXPORT_OPTION,
      {
        flags: '--watch',
        sets: 'watch',
        kind: yes,
        description: 'Restart when the file, or one that it imports, changes',
      },
    ],
  },
  {
    title: 'Processes',
    options: [
      {
        flags: '--workers <count>',
        sets: 'workers',
        kind: workers,
        description:
          'Serve with this many processes, or auto for one a core; those that die are started anew, SIGHUP replaces them one by one',
        absent: 'one process, alone',
      },
    ],
  },
  { title: 'Streams and channels', options: [STORE_OPTION, LAYER_OPTION] },
  {
    title: 'Binding',
    options: [
      {
        flags: '-b, --bind <address>',
        sets: 'host',
        kind: text,
        description: 'Address or name to listen on',
      },
      {
        flags: '-p, --port <number>',
        sets: 'port',
        kind: port,
        description: 'Port to listen on; 0 takes a free one',
      },
      {
        flags: '-u, --unix-socket <path>',
        sets: 'unixSocket',
        kind: text,
        description: 'Listen on a unix socket instead of an address and a port',
      },
      {
        flags: '--fd <number>',
        sets: 'fd',
        kind: descriptor,
        description: 'Listen on an inherited file descriptor, as systemd and circus pass one',
      },
      {
        flags: '--tls-cert <file>',
        sets: 'tlsCert',
        kind: text,
        description: 'Certificate (chain) in PEM; with --tls-key the server speaks https and wss only',
      },
      {
        flags: '--tls-key <file>',
        sets: 'tlsKey',
        kind: text,
        description: 'Private key of the certificate, in PEM',
      },
    ],
  },
  {
    title: 'Access',
    options: [
      {
        flags: '--allow-anonymous',
        sets: 'allowAnonymous',
        kind: yes,
        description: 'Serve an application without authentication beyond this machine',
      },
      {
        flags: '--allowed-host <host>',
        sets: 'allowedHosts',
        kind: hosts,
        description: 'Answer to this host name and to no unlisted one; repeatable',
        absent: "this machine's names on a loopback address, otherwise all",
      },
      {
        flags: '--origin <origin>',
        sets: 'origins',
        kind: origins,
        description: "Let pages of this origin open WebSockets, beside the application's own; repeatable",
      },
    ],
  },
  {
    title: 'WebSockets',
    options: [
      {
        flags: '--ping-interval <seconds>',
        sets: 'pingInterval',
        kind: seconds('pingInterval'),
        description: 'Time between pings; 0 sends none',
      },
      {
        flags: '--ping-timeout <seconds>',
        sets: 'pingTimeout',
        kind: seconds('pingTimeout'),
        description: 'Time that a client has to answer a ping before it counts as gone',
      },
      {
        flags: '--websocket-timeout <seconds>',
        sets: 'maxLifetime',
        kind: seconds('maxLifetime'),
        description: 'Longest life of a connection; 0 sets none',
      },
      {
        flags: '--websocket-connect-timeout <seconds>',
        sets: 'handshakeTimeout',
        kind: seconds('handshakeTimeout'),
        description: 'Time for request headers to arrive, and for a consumer to accept a connection',
      },
      {
        flags: '--websocket-max-message-size <bytes>',
        sets: 'maxMessageSize',
        kind: bytes('maxMessageSize'),
        description: 'Largest message that a client may send: 1048576, 64k, 1MiB',
      },
      {
        flags: '--websocket-max-fragments <count>',
        sets: 'maxFragments',
        kind: count('maxFragments'),
        description: 'Most fragments that one message may come in',
      },
    ],
  },
  {
    title: 'Proxies',
    options: [
      {
        flags: '--proxy-headers',
        sets: 'trustProxy',
        kind: yes,
        description:
          'Believe X-Forwarded-For, -Proto and -Host of whoever connects: only behind a proxy that nothing goes around',
      },
      {
        flags: '--trust-proxy <addresses>',
        sets: 'trustProxy',
        kind: proxies,
        description: 'Believe those headers of these addresses and ranges only; repeatable',
        absent: 'none',
      },
      {
        flags: '--root-path <path>',
        sets: 'rootPath',
        kind: rootPath,
        description: 'Prefix under which a proxy serves the application, such as /app',
      },
      {
        flags: '-s, --server-name <name>',
        sets: 'serverName',
        kind: text,
        negated: '',
        description: 'What the Server header says; --no-server-name sends none',
      },
    ],
  },
  {
    title: 'Limits',
    options: [
      {
        flags: '--max-connections <count>',
        sets: 'maxConnections',
        kind: count('maxConnections'),
        description: 'Most WebSockets at one time; further ones are answered 503',
      },
      {
        flags: '-t, --http-timeout <seconds>',
        sets: 'httpTimeout',
        kind: seconds('httpTimeout'),
        description: 'Time for an HTTP answer to begin; 0 sets no limit',
      },
      CLOSE_TIMEOUT_OPTION,
    ],
  },
  {
    title: 'Logging',
    options: [
      {
        flags: '--access-log',
        sets: 'accessLog',
        kind: yes,
        description: 'Log each request and each WebSocket',
      },
      VERBOSITY_OPTION,
      LOG_FORMAT_OPTION,
    ],
  },
]

export const SERVE_OPTIONS: readonly ServeOption[] = OPTION_GROUPS.flatMap((group) => group.options)

/** The default as people read it: '20 s', '1 MiB', 'none'. */
export function defaultOf(option: ServeOption): string {
  if (option.absent !== undefined) return option.absent
  const value = (SERVE_DEFAULTS as ServeSettings)[option.sets]
  if (value === undefined) return 'none'
  // The table pairs each kind with the values of the setting it sets.
  return (option.kind as Kind<unknown>).show(value)
}
