/**
 * A Redis master with replicas, and a Sentinel that makes a replica the master when that one dies. It fails over
 * when it is told to, and not whenever a busy machine is slow: nothing is acknowledged by a master that the
 * Sentinel has given up, and lost.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import { RedisServer } from './redis.ts'

const MASTER = 'mymaster'

export class ReplicatedRedis {
  readonly #servers: readonly RedisServer[]
  readonly #sentinel: RedisServer

  private constructor(servers: readonly RedisServer[], sentinel: RedisServer) {
    this.#servers = servers
    this.#sentinel = sentinel
  }

  /** @param failovers that it can stand: a replica for each. */
  static async start(program: string, failovers: number, persistent = false): Promise<ReplicatedRedis> {
    const start = (...args: string[]): Promise<RedisServer> =>
      RedisServer.start(program, { persistent, arguments: ['--repl-diskless-sync-delay', '0', ...args] })
    const first = await start()
    const replicas = await Promise.all(
      Array.from({ length: failovers }, () => start('--replicaof', '127.0.0.1', String(first.port))),
    )
    // A Sentinel asks a master for its replicas at once, and then again after 10 s only.
    while ((await replicatedOf(first)).offsets.length < failovers) await sleep(20)
    const sentinel = await RedisServer.start(program, {
      sentinel: [
        `sentinel monitor ${MASTER} 127.0.0.1 ${first.port} 1`,
        `sentinel down-after-milliseconds ${MASTER} 60000`,
        `sentinel failover-timeout ${MASTER} 3000`,
      ],
    })
    const redis = new ReplicatedRedis([first, ...replicas], sentinel)
    await redis.#replicaIsFit()
    return redis
  }

  /** As the options of stores and layers name it. */
  get host(): {
    readonly sentinels: { readonly host: string; readonly port: number }[]
    readonly master: string
  } {
    return { sentinels: [{ host: '127.0.0.1', port: this.#sentinel.port }], master: MASTER }
  }

  /** `kill -9` of the master when its replicas have all that it answered; resolves when another one is it. */
  async failOver(note: (what: string) => void = () => undefined): Promise<void> {
    await this.#replicaIsFit()
    const port = await this.#masterPort()
    const master = this.#servers.find((server) => server.port === port)
    if (!master) throw new Error(`Nobody knows the master ${port}`)
    await replicasHaveAll(master)
    note(`kill -9 the master ${port}`)
    await master.kill()
    while (!(await this.#beginsFailover())) await sleep(50)
    let promoted = port
    while (promoted === port) promoted = await this.#masterPort()
    note(`${promoted} is the master`)
  }

  async stop(): Promise<void> {
    await Promise.all([this.#sentinel, ...this.#servers].map((server) => server.stop()))
  }

  /** False while the last failover is not over, or no replica is fit. */
  async #beginsFailover(): Promise<boolean> {
    try {
      await asked(this.#sentinel, 'SENTINEL', 'FAILOVER', MASTER)
      return true
    } catch (error) {
      if (/^(INPROG|NOGOODSLAVE)/.test((error as Error).message)) return false
      throw error
    }
  }

  async #masterPort(): Promise<number> {
    const [, port] = (await asked(this.#sentinel, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER)) as string[]
    return Number(port)
  }

  /** Resolves when the Sentinel knows a replica that follows the master: it promotes no other. */
  async #replicaIsFit(): Promise<void> {
    for (;;) {
      const replicas = (await asked(this.#sentinel, 'SENTINEL', 'REPLICAS', MASTER)) as readonly unknown[]
      const fit = replicas.some((replica) => {
        const text = JSON.stringify(replica)
        return text.includes('"master-link-status","ok"') && text.includes('"flags","slave"')
      })
      if (fit) return
      await sleep(50)
    }
  }
}

/**
 * Holds the writes that are on their way, so that none of them is answered, until the replicas have all
 * that were: a replication that nobody waits for may lose what came last.
 */
async function replicasHaveAll(master: RedisServer): Promise<void> {
  await asked(master, 'CLIENT', 'PAUSE', '60000', 'WRITE')
  for (;;) {
    const { end, offsets } = await replicatedOf(master)
    if (offsets.length > 0 && offsets.every((offset) => offset === end)) return
    await sleep(10)
  }
}

/** How far a master's log goes, and how far each of its replicas has come. */
async function replicatedOf(master: RedisServer): Promise<{ end: string; offsets: string[] }> {
  const info = String(await asked(master, 'INFO', 'replication'))
  return {
    end: /master_repl_offset:(\d+)/.exec(info)?.[1] ?? '',
    offsets: Array.from(info.matchAll(/slave\d+:.*state=online,offset=(\d+)/g), ([, offset]) => offset ?? ''),
  }
}

async function asked({ url }: RedisServer, ...command: string[]): Promise<unknown> {
  const client = createClient({ url, RESP: 2 })
  // What matters rejects the command as well.
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await client.sendCommand(command)
  } finally {
    client.destroy()
  }
}
