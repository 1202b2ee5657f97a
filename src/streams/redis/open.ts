/**
 * Streams on Redis or Valkey 7 and later, for many processes: docs/redis.md.
 */
import { libraryLogger } from '../../logging/logger.ts'
import { textOfHosts, hostSettings, type HostSettings, type RedisHost } from '../../redis/hosts.ts'
import { type OptionNames, checkOptions } from '../../protocol/known-options.ts'
import { needPackage } from '../../protocol/needed-package.ts'
import { STREAM_STORE_OPTIONS, type StreamStoreOptions, limitsOf } from '../options.ts'
import { Cluster } from './servers/cluster.ts'
import { serverDurability, logDurability } from './servers/durability.ts'
import type { Greeting } from './servers/greeting.ts'
import { Keys } from './keys.ts'
import { FORK_SCRIPTS } from './scripts/fork-scripts.ts'
import { LEASE_SCRIPTS } from './scripts/lease-scripts.ts'
import { OneServer } from './servers/one-server.ts'
import { RedisStore } from './store.ts'
import { LATEST_SCRIPTS } from './lists/latest-lists.ts'
import { LIST_SCRIPTS } from './lists/stream-lists.ts'
import { STREAM_SCRIPTS } from './scripts/stream-scripts.ts'
import { TRIM_SCRIPTS } from './scripts/trim-scripts.ts'
import { SettledClock } from '../bookkeeping/settled-clock.ts'
import type { StreamStore } from '../store.ts'
import type { Durability } from '../stream.ts'

export interface RedisStoreOptions extends StreamStoreOptions {
  /** One Redis as a URL. Default: `redis://localhost:6379`. Give one of `url`, `host` and `cluster`. */
  readonly url?: string | undefined
  /** One Redis in parts, or behind Sentinel. */
  readonly host?: RedisHost | undefined
  /** A Redis Cluster: some of its servers. User, password and TLS of the first apply to all. */
  readonly cluster?: readonly (string | RedisHost)[] | undefined
  /** Prefix of all keys of the store: letters, digits, `_`, `.`, `:` and `-`. Default: `millrace`. */
  readonly prefix?: string | undefined
  /** Seconds that a call waits for Redis to be available, and then for its answer. Default: 5. */
  readonly timeout?: number | undefined
  /**
   * Seconds that watchers of a log whose end Redis has lost wait for its producer to repeat it, before they are told
   * `lost`. Default: 10.
   */
  readonly lossPatience?: number | undefined
  /** Default: Redis's own clock. For tests: processes that disagree about the time harm each other. */
  readonly clock?: () => number
}

const OPTIONS: OptionNames<RedisStoreOptions> = {
  ...STREAM_STORE_OPTIONS,
  url: true,
  host: true,
  cluster: true,
  prefix: true,
  timeout: true,
  lossPatience: true,
}

const SCRIPTS = [
  ...STREAM_SCRIPTS,
  ...FORK_SCRIPTS,
  ...TRIM_SCRIPTS,
  ...LEASE_SCRIPTS,
  ...LIST_SCRIPTS,
  ...LATEST_SCRIPTS,
]

/**
 * A stream store that processes share through Redis: `redis('redis://localhost:6379')`. It connects at first use, and
 * reconnects when the connection is lost. Calls that cannot reach Redis reject with the `StoreError` `unavailable`
 * after `timeout`; watchers wait, and are then told what they missed.
 *
 * @throws {RangeError} for an option out of range; {TypeError} for an option that does not exist, and for an invalid
 * host.
 */
export function redis(where: string | RedisStoreOptions = {}): StreamStore {
  const options: RedisStoreOptions = typeof where === 'string' ? { url: where } : where
  checkOptions('redis()', options, OPTIONS)
  needPackage('millrace/redis', 'redis')
  const {
    url,
    host,
    cluster,
    prefix = 'millrace',
    timeout = 5,
    lossPatience = 10,
    logger = libraryLogger(),
    clock,
  } = options
  if ([url, host, cluster].filter((one) => one !== undefined).length > 1) {
    throw new TypeError('Give one of `url`, `host` and `cluster`')
  }
  checkPrefix(prefix)
  for (const [name, seconds] of Object.entries({ timeout, lossPatience })) {
    if (Number.isFinite(seconds) && seconds > 0) continue
    throw new RangeError(`${name} must be a positive number of seconds, not ${String(seconds)}`)
  }
  const hosts = cluster ? hostSettings(cluster) : hostSettings(url ?? host)
  if (cluster) checkCluster(hosts)
  const timeoutMs = timeout * 1000
  // The lowest level, until a server has said more.
  let durability: Durability = 'process'
  const greeted = new Map<string, Durability>()
  const onGreeting = (title: string, greeting: Greeting): void => {
    if (greeted.get(title) !== serverDurability(greeting)) logDurability(logger, title, greeting)
    greeted.set(title, serverDurability(greeting))
    durability = [...greeted.values()].every((one) => one === 'power') ? 'power' : 'process'
  }
  const keys = new Keys(prefix)
  return new RedisStore({
    address: `redis:${prefix} ${textOfHosts(hosts)}`,
    keys,
    limits: limitsOf(options),
    // An answer may take this long.
    retention: options.retention,
    settled: new SettledClock(options, 1000 + timeoutMs),
    timeoutMs,
    lossPatienceMs: lossPatience * 1000,
    logger,
    clock,
    durability: () => durability,
    openServers(events) {
      const common = {
        ...events,
        timeoutMs,
        logger,
        scripts: SCRIPTS,
        channel: keys.of('').channel,
        onGreeting,
      }
      if (cluster) return new Cluster({ ...common, seeds: hosts })
      return new OneServer({ ...common, host: hosts[0] as HostSettings, onMoved: () => undefined })
    },
  })
}

function checkPrefix(prefix: string): void {
  if (!/^[\w.:-]+$/.test(prefix)) {
    throw new RangeError('prefix must be letters, digits, `_`, `.`, `:` and `-`, at least one')
  }
  if (prefix.startsWith('asgi')) {
    throw new RangeError('prefix must not begin with asgi: channels_redis deletes all keys that do')
  }
}

function checkCluster(hosts: readonly HostSettings[]): void {
  for (const { sentinels, path, database } of hosts) {
    if (sentinels || path !== undefined || database) {
      throw new TypeError('A server of a Cluster has a host and a port: no Sentinel, path or database')
    }
  }
}
