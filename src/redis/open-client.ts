/**
 * Opens one connection to a Redis. The only place that knows the package `redis`.
 *
 * The connection neither reconnects nor queues requests. connection.ts does both, because a call that was
 * rejected must not be sent later, and because a Redis that stops answering has to be left. The package is an
 * optional peer, loaded with the first connection; installed.ts checks earlier that it is there.
 */
import type { HostSettings, RedisAddress } from './hosts.ts'

export type Argument = string | Buffer
export type Reply = Buffer | string | number | null | readonly Reply[]

/** Topics by name, by pattern, or sharded as in Redis Cluster. */
export type SubscriptionKind = 'topic' | 'pattern' | 'sharded'

export interface RedisClient {
  /** @throws {RedisRefusedError} when Redis answers with an error; another Error when there is no answer. */
  send(args: readonly Argument[]): Promise<Reply>
  /**
   * Resolves when Redis has subscribed this connection to all of them. Messages published from then on go to
   * `onMessage`. A connection with subscriptions can `send` only `PING`.
   */
  subscribe(kind: SubscriptionKind, names: readonly string[]): Promise<void>
  unsubscribe(kind: SubscriptionKind, names: readonly string[]): Promise<void>
  /** Ends the connection; pending requests reject. */
  end(): void
}

/** Redis's answer was an error. */
export class RedisRefusedError extends Error {
  /** The first word of the answer, such as `READONLY`, `OOM` or `NOSCRIPT`. */
  readonly kind: string

  constructor(cause: Error) {
    super(cause.message, { cause })
    this.kind = /^[A-Z]+/.exec(cause.message)?.[0] ?? ''
  }
}

export interface OpenOptions {
  /** Milliseconds that opening may take. */
  readonly timeoutMs: number
  /** Ends the attempt. */
  readonly signal: AbortSignal
  /** Called when an open connection ends without `end`. */
  readonly onLost: (error: Error) => void
  /** Called with each message, once for each subscription that matches its topic. */
  readonly onMessage?: ((topic: string, message: Buffer) => void) | undefined
  /**
   * Called when Redis ends a sharded subscription, because another server of the Cluster has the topic now.
   */
  readonly onMoved?: ((topic: string) => void) | undefined
}

/** @throws {Error} when Redis cannot be reached, or refuses the credentials. */
export async function openClient(host: HostSettings, options: OpenOptions): Promise<RedisClient> {
  if (!host.sentinels) return open(host, options)
  const address = await findMaster(host, host.sentinels, options)
  const client = await open({ ...host, ...address }, options)
  // A Sentinel that was cut off may name an earlier master.
  const role = await client.send(['ROLE'])
  if (Array.isArray(role) && String(role[0]) === 'master') return client
  client.end()
  throw new Error(`${address.host}:${address.port} is not the master ${host.master} now`)
}

async function findMaster(
  host: HostSettings,
  sentinels: readonly RedisAddress[],
  options: OpenOptions,
): Promise<RedisAddress> {
  let failure: unknown
  for (const address of sentinels) {
    try {
      const settings: HostSettings = {
        ...address,
        title: address.host,
        tls: host.tls,
        username: host.sentinelUsername,
        password: host.sentinelPassword,
      }
      const sentinel = await open(settings, { ...options, onLost: () => undefined })
      try {
        const reply = await sentinel.send(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', host.master ?? ''])
        if (Array.isArray(reply)) return { host: String(reply[0]), port: Number(reply[1]) }
        failure = new Error(`the Sentinels know no master ${host.master}`)
      } finally {
        sentinel.end()
      }
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

async function open(
  host: HostSettings,
  { timeoutMs, signal, onLost, onMessage, onMoved }: OpenOptions,
): Promise<RedisClient> {
  const { createClient, ErrorReply, RESP_TYPES } = await import('redis')
  const tls = host.tls === true ? {} : host.tls
  const common = { connectTimeout: timeoutMs, reconnectStrategy: false as const }
  const client = createClient({
    RESP: 2,
    disableOfflineQueue: true,
    maintNotifications: 'disabled',
    // The package's own timeout covers only requests that wait to be written, and takes a timer for each.
    commandOptions: { timeout: 0, typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    ...(host.username === undefined ? {} : { username: host.username }),
    ...(host.password === undefined ? {} : { password: host.password }),
    ...(host.database ? { database: host.database } : {}),
    socket:
      host.path === undefined
        ? {
            ...common,
            host: host.host ?? 'localhost',
            port: host.port ?? 6379,
            ...(tls ? { ...tls, tls: true as const } : {}),
          }
        : { ...common, path: host.path, tls: false as const },
  })
  let isOpen = false
  client.on('sharded-channel-moved', (topic: string) => onMoved?.(topic))
  client.on('error', (error: Error) => {
    if (isOpen) onLost(error)
  })
  // The package's connect timeout ends with the TCP handshake, which a Redis that hangs completes.
  const giveUp = (): void => client.destroy()
  const limit = setTimeout(giveUp, timeoutMs)
  signal.addEventListener('abort', giveUp)
  try {
    signal.throwIfAborted()
    await client.connect()
    isOpen = true
  } catch (error) {
    client.destroy()
    throw error instanceof ErrorReply ? new RedisRefusedError(error) : error
  } finally {
    clearTimeout(limit)
    signal.removeEventListener('abort', giveUp)
  }
  const fail = (error: unknown): never => {
    throw error instanceof ErrorReply ? new RedisRefusedError(error) : error
  }
  const answered = <Answer>(call: Promise<Answer>): Promise<Answer> => call.catch(fail)
  // The same function each time, because the client identifies subscriptions by it.
  const listener = (message: Buffer, topic: Buffer): void => onMessage?.(String(topic), message)
  return {
    send: (args) => answered(client.sendCommand(args) as unknown as Promise<Reply>),
    async subscribe(kind, names) {
      const list = [...names]
      if (kind === 'topic') await answered(client.subscribe(list, listener, true))
      else if (kind === 'pattern') await answered(client.pSubscribe(list, listener, true))
      else await answered(client.sSubscribe(list, listener, true))
    },
    async unsubscribe(kind, names) {
      const list = [...names]
      if (kind === 'topic') await answered(client.unsubscribe(list, listener, true))
      else if (kind === 'pattern') await answered(client.pUnsubscribe(list, listener, true))
      else await answered(client.sUnsubscribe(list, listener, true))
    },
    end() {
      isOpen = false
      client.destroy()
    },
  }
}
