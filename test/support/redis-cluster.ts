/** A Redis Cluster of a test's own: masters without replicas, each with a third of the slots. */
import { hostSettings } from '../../src/redis/hosts.ts'
import { openClient, type RedisClient, type Reply } from '../../src/redis/open-client.ts'
import { freePort, RedisServer } from './redis.ts'

const SLOTS = 16_384

type SlotRange = readonly [from: number, to: number, master: readonly [host: Buffer, port: number]]
const PATIENCE_MS = 20_000

export class RedisCluster {
  readonly servers: readonly RedisServer[]

  private constructor(servers: readonly RedisServer[]) {
    this.servers = servers
  }

  /** Resolves when every server knows where all slots are. */
  static async start(program: string, masters = 3): Promise<RedisCluster> {
    const ports = await Promise.all(Array.from({ length: masters }, freePort))
    const started = await Promise.allSettled(
      ports.map((busPort) =>
        RedisServer.start(program, {
          arguments: ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)],
        }),
      ),
    )
    const servers = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const cluster = new RedisCluster(servers)
    try {
      if (servers.length < masters) throw new Error('The servers of the Cluster did not start.')
      await cluster.#join(ports)
      return cluster
    } catch (error) {
      await cluster.stop()
      throw error
    }
  }

  get urls(): string[] {
    return this.servers.map(({ url }) => url)
  }

  /** Asks one of the servers. */
  async ask(server: RedisServer, ...args: readonly string[]): Promise<Reply> {
    const client = await connectTo(server)
    try {
      return await client.send(args)
    } finally {
      client.end()
    }
  }

  /** The port of the server that has a slot. */
  async owners(): Promise<(slot: number) => number | undefined> {
    const [server] = this.servers
    const ranges = (await this.ask(server as RedisServer, 'CLUSTER', 'SLOTS')) as SlotRange[]
    return (slot) => ranges.find(([from, to]) => from <= slot && slot <= to)?.[2][1]
  }

  /**
   * Moves a slot, with its keys, to another server, as `redis-cli --cluster reshard` does. `during` is
   * called before any key has moved, and when all have and the servers do not know yet.
   */
  async move(
    slot: number,
    during: Partial<Record<'begun' | 'moved', () => Promise<void>>> = {},
  ): Promise<void> {
    const port = (await this.owners())(slot)
    const source = this.servers.find((server) => server.port === port) as RedisServer
    const target = this.servers.find((server) => server.port !== port) as RedisServer
    const [from, to] = [await this.ask(source, 'CLUSTER', 'MYID'), await this.ask(target, 'CLUSTER', 'MYID')]
    const set = (server: RedisServer, ...how: readonly string[]): Promise<Reply> =>
      this.ask(server, 'CLUSTER', 'SETSLOT', String(slot), ...how)
    await set(target, 'IMPORTING', String(from))
    await set(source, 'MIGRATING', String(to))
    await during.begun?.()
    const keys = await this.ask(source, 'CLUSTER', 'GETKEYSINSLOT', String(slot), '1000')
    for (const key of (keys as Reply[]).map(String)) {
      await this.ask(source, 'MIGRATE', '127.0.0.1', String(target.port), key, '0', '5000')
    }
    await during.moved?.()
    for (const server of [target, source, ...this.servers]) await set(server, 'NODE', String(to))
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop()))
  }

  async #join(busPorts: readonly number[]): Promise<void> {
    const share = Math.ceil(SLOTS / this.servers.length)
    for (const [n, server] of this.servers.entries()) {
      const [from, to] = [n * share, Math.min((n + 1) * share, SLOTS) - 1]
      await this.ask(server, 'CLUSTER', 'ADDSLOTSRANGE', String(from), String(to))
      await this.ask(server, 'CLUSTER', 'SET-CONFIG-EPOCH', String(n + 1))
    }
    const [first, ...others] = this.servers
    for (const [n, { port }] of others.entries()) {
      const bus = String(busPorts[n + 1])
      await this.ask(first as RedisServer, 'CLUSTER', 'MEET', '127.0.0.1', String(port), bus)
    }
    const end = performance.now() + PATIENCE_MS
    while (!(await this.#isWhole())) {
      if (performance.now() > end) throw new Error('The Cluster did not come together.')
    }
  }

  async #isWhole(): Promise<boolean> {
    const infos = await Promise.all(this.servers.map((server) => this.ask(server, 'CLUSTER', 'INFO')))
    return infos.every((info) => {
      const text = String(info)
      return text.includes('cluster_state:ok') && text.includes(`cluster_size:${this.servers.length}`)
    })
  }
}

async function connectTo(server: RedisServer): Promise<RedisClient> {
  const [host] = hostSettings(server.url)
  if (!host) throw new Error('No host.')
  const { signal } = new AbortController()
  return openClient(host, { timeoutMs: 5000, signal, onLost: () => undefined })
}
