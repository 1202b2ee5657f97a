/** The address and credentials of a Redis, as options give them, checked. */
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls'

export interface RedisAddress {
  readonly host: string
  readonly port: number
}

/** A Redis, as a URL or in parts. */
export interface RedisHost {
  /** `redis://[[user]:password@]host[:port][/database]`, `rediss://…` for TLS, `unix:///path?db=1`. */
  readonly url?: string | undefined
  /** Default: localhost and 6379. */
  readonly host?: string | undefined
  readonly port?: number | undefined
  /** A unix socket, instead of host and port. */
  readonly path?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  readonly database?: number | undefined
  /** TLS, with Node's options or as it is by default. */
  readonly tls?: boolean | TlsConnectionOptions | undefined
  /** Sentinels that know where the Redis called `master` is, instead of host and port. */
  readonly sentinels?: readonly RedisAddress[] | undefined
  readonly master?: string | undefined
  readonly sentinelUsername?: string | undefined
  readonly sentinelPassword?: string | undefined
}

export interface HostSettings extends Omit<RedisHost, 'url'> {
  /** The address for logs and errors, without credentials. */
  readonly title: string
}

const DEFAULT_URL = 'redis://localhost:6379'

/**
 * The hosts of the option, at least one.
 *
 * @throws {TypeError} for a host that cannot be understood. The text does not quote a URL, which may hold a
 * password.
 */
export function hostSettings(
  hosts: string | RedisHost | readonly (string | RedisHost)[] = DEFAULT_URL,
): HostSettings[] {
  const list = Array.isArray(hosts)
    ? (hosts as readonly (string | RedisHost)[])
    : [hosts as string | RedisHost]
  if (list.length === 0) throw new TypeError('hosts must name at least one Redis')
  return list.map((host) => settings(typeof host === 'string' ? { url: host } : host))
}

function settings({ url, ...parts }: RedisHost): HostSettings {
  const host: RedisHost = { ...(url === undefined ? {} : fromUrl(url)), ...parts }
  if (host.sentinels !== undefined) {
    if (host.sentinels.length === 0 || !host.master) {
      throw new TypeError(
        'A Redis behind Sentinel needs `sentinels`, at least one, and `master`, its name there',
      )
    }
    return { ...host, title: `${host.master} of ${host.sentinels.map(titleOf).join(', ')}` }
  }
  if (host.path !== undefined) return { ...host, title: host.path }
  const address = { host: host.host ?? 'localhost', port: host.port ?? 6379 }
  return { ...host, ...address, title: titleOf(address) }
}

/** Where they are, in one line without credentials: the same for the same databases. */
export function textOfHosts(hosts: readonly HostSettings[]): string {
  return hosts.map(({ title, database = 0 }) => `${title}/${database}`).join(' ')
}

function titleOf({ host, port }: RedisAddress): string {
  return `${host}:${port}`
}

function fromUrl(text: string): RedisHost {
  const url = URL.canParse(text) ? new URL(text) : undefined
  switch (url?.protocol) {
    case 'unix:':
      return {
        ...credentials(url),
        path: decodeURIComponent(url.pathname),
        database: database(url.searchParams.get('db') ?? ''),
      }
    case 'redis:':
    case 'rediss:':
      return {
        ...credentials(url),
        host: url.hostname.replace(/^\[(.*)\]$/, '$1') || 'localhost',
        port: url.port ? Number(url.port) : 6379,
        database: database(url.pathname.slice(1)),
        tls: url.protocol === 'rediss:',
      }
    default:
      throw new TypeError('A Redis URL begins with redis://, rediss:// or unix://')
  }
}

function credentials({ username, password }: URL): Pick<RedisHost, 'username' | 'password'> {
  return {
    ...(username && { username: decodeURIComponent(username) }),
    ...(password && { password: decodeURIComponent(password) }),
  }
}

function database(text: string): number {
  if (!/^\d*$/.test(text)) throw new TypeError('The database in a Redis URL is a number')
  return Number(text)
}
