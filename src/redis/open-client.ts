/**
 * One connection to a Redis, opened: the only place that knows the `redis` package.
 *
 * It neither reconnects nor queues what it cannot send; connection.ts does, because a call that was
 * refused must not be sent afterwards, and because a Redis that stopped answering is left. The package
 * is an optional peer, loaded with the first connection: installed.ts tells beforehand.
 */
import type { HostSettings, RedisAddress } from './hosts.ts'

export type Argument = string | Buffer
export type Reply = Buffer | string | number | null | readonly Reply[]

/** Topics by name, by pattern, or sharded as in Redis Cluster. */
export type SubscriptionKind = 'topic' | 'pattern' | 'sharded'

export interface RedisClient {
  /** @throws {RedisRefusedError} what Redis answered; another Error when there was no answer. */
  send(args: readonly Argument[]): Promise<Reply>
  /**
   * Resolves when Redis has subscribed this connection to all of them; what is published from then on
   * goes to `onMessage`. A connection with subscriptions can `send` nothing but `PING`.
   */
  subscribe(kind: SubscriptionKind, names: readonly string[]): Promise<void>
  unsubscribe(kind: SubscriptionKind, names: readonly string[]): Promise<void>
  /** Ends the connection; what waits for an answer rejects. */
  end(): void
}

/** Redis's answer was an error. */
export class RedisRefusedError extends Error {
  /** The first word, `READONLY`, `OOM`, `NOSCRIPT`, …: what to do follows from it. */
  readonly kind: string

  constructor(cause: Error) {
    super(cause.message, { cause })
    this.kind = /^[A-Z]+/.exec(cause.message)?.[0] ?? ''
  }
}

export interface OpenOptions {
  /** Milliseconds within which the connection is open, or opening it fails. */
  readonly timeoutMs: number
  /** Ends the attempt. */
  readonly signal: AbortSignal
  /** Called when an open connection ended without `end`. */
  readonly onLost: (error: Error) => void
  /** Called with what is published to a topic, as often as subscriptions match it. */
  readonly onMessage?: ((topic: string, message: Buffer) => void) | undefined
  /** Called when Redis ended a sharded subscription: another server of the Cluster has the topic now. */
  readonly onMoved?: ((topic: string) => void) | undefined
}

/** @throws {Error} when Redis cannot be reached, or does not let us in. */
export async function openClient(host: HostSettings, options: OpenOptions): Promise<RedisClient> {
  if (!host.sentinels) return open(host, options)
  const address = await findMaster(host, host.sentinels, options)
  const client = await open({ ...host, ...address }, options)
  // A Sentinel that was cut off names the master of yesterday.
  const role = await client.send(['ROLE'])
  if (Array.isArray(role) && String(role[0]) === 'master') return client
  client.end()
  throw new Error(`${address.host}:${address.port} is not the master ${host.master} at present`)
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
    // Its own timeout covers only what waits to be written, at the price of a timer each.
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
  // Its connect timeout ends with the TCP handshake; a Redis that hangs accepts connections.
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
  // The same function each time: the client tells subscriptions apart by it.
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
