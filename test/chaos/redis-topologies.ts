/** The Redis servers of the chaos test: one that is restarted, and one that Sentinel replaces. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'redis'
import { RedisServer } from '../support/redis.ts'
import type { Journal } from './journal.ts'
import type { ChaosStore } from './stores.ts'

const MASTER = 'mymaster'
/** Longer than a lease lasts: every run has lost its process when Redis is back. */
const AWAY_MS = 2500

/** One Redis that keeps what it was told over its own `kill -9` (appendonly, fsync always). */
export async function persistentRedis(program: string): Promise<ChaosStore> {
  const server = await RedisServer.start(program, { persistent: true })
  const restart = async (journal: Journal, awayMs: number): Promise<void> => {
    journal.note(`kill -9 Redis ${server.pid}`)
    await server.kill()
    if (awayMs > 0) await sleep(awayMs)
    await server.run()
    journal.note('Redis is back')
  }
  return {
    name: 'a Redis that is restarted',
    config: { type: 'redis', options: { url: server.url } },
    faults: [
      { name: 'Redis restarted', act: (journal) => restart(journal, 0) },
      { name: 'Redis away for longer than a lease', act: (journal) => restart(journal, AWAY_MS) },
    ],
    close: () => server.stop(),
  }
}

/** A master with replicas, and a Sentinel that makes a replica the master when that one dies. */
export async function sentinelRedis(program: string): Promise<ChaosStore> {
  const start = (...args: string[]): Promise<RedisServer> =>
    RedisServer.start(program, { persistent: true, arguments: args })
  const first = await start()
  const replicaOf = ['--replicaof', '127.0.0.1', String(first.port)]
  // As many as masters die, so that there is one for each.
  const servers = [first, await start(...replicaOf), await start(...replicaOf)]
  const sentinel = await RedisServer.start(program, {
    sentinel: [
      `sentinel monitor ${MASTER} 127.0.0.1 ${first.port} 1`,
      // It fails over when it is told to, and not whenever a busy machine is slow: nothing is acknowledged
      // by a master that the Sentinel has given up, and lost.
      `sentinel down-after-milliseconds ${MASTER} 60000`,
      `sentinel failover-timeout ${MASTER} 3000`,
    ],
  })
  const failOver = async (journal: Journal): Promise<void> => {
    await replicaIsReady(sentinel)
    const master = await masterOf(sentinel)
    const dying = servers.find(({ port }) => port === master)
    if (!dying) throw new Error(`Nobody knows the master ${master}`)
    await replicasHaveAll(dying)
    journal.note(`kill -9 the master ${master}`)
    await dying.kill()
    while (!(await beginsFailover(sentinel))) await sleep(50)
    let promoted = master
    while (promoted === master) promoted = await masterOf(sentinel)
    journal.note(`${promoted} is the master`)
  }
  return {
    name: 'a Redis that fails over',
    config: {
      type: 'redis',
      options: {
        host: { sentinels: [{ host: '127.0.0.1', port: sentinel.port }], master: MASTER },
      },
    },
    faults: [
      { name: 'failover', act: failOver },
      { name: 'failover again', act: failOver },
    ],
    close: async () => {
      await Promise.all([sentinel, ...servers].map((server) => server.stop()))
    },
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

/** False while the last failover is not over, or no replica is fit. */
async function beginsFailover(sentinel: RedisServer): Promise<boolean> {
  try {
    await asked(sentinel, 'SENTINEL', 'FAILOVER', MASTER)
    return true
  } catch (error) {
    if (/^(INPROG|NOGOODSLAVE)/.test((error as Error).message)) return false
    throw error
  }
}

/**
 * Holds the writes that are on their way, so that none of them is answered, until the replicas have all
 * that were: a replication that nobody waits for may lose what came last.
 */
async function replicasHaveAll(master: RedisServer): Promise<void> {
  await asked(master, 'CLIENT', 'PAUSE', '60000', 'WRITE')
  for (;;) {
    const info = String(await asked(master, 'INFO', 'replication'))
    const end = /master_repl_offset:(\d+)/.exec(info)?.[1]
    const reached = Array.from(info.matchAll(/slave\d+:.*state=online,offset=(\d+)/g), ([, offset]) => offset)
    if (reached.length > 0 && reached.every((offset) => offset === end)) return
    await sleep(10)
  }
}

/** The port of the master, as the Sentinel has it. */
async function masterOf(sentinel: RedisServer): Promise<number> {
  const [, port] = (await asked(sentinel, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER)) as string[]
  return Number(port)
}

/** Resolves when the Sentinel knows a replica that follows the master: it promotes no other. */
async function replicaIsReady(sentinel: RedisServer): Promise<void> {
  for (;;) {
    const replicas = (await asked(sentinel, 'SENTINEL', 'REPLICAS', MASTER)) as readonly unknown[]
    const ready = replicas.some((replica) => {
      const text = JSON.stringify(replica)
      return text.includes('"master-link-status","ok"') && text.includes('"flags","slave"')
    })
    if (ready) return
    await sleep(50)
  }
}
