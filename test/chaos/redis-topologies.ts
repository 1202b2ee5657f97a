/** The Redis servers of the chaos test: one that is restarted, and one that Sentinel replaces. */
import { setTimeout as sleep } from 'node:timers/promises'
import { RedisServer } from '../support/redis.ts'
import { ReplicatedRedis } from '../support/replicated-redis.ts'
import type { Journal } from './journal.ts'
import type { ChaosStore } from './stores.ts'

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
  const redis = await ReplicatedRedis.start(program, 2, true)
  const failOver = (journal: Journal): Promise<void> => redis.failOver((what) => journal.note(what))
  return {
    name: 'a Redis that fails over',
    config: { type: 'redis', options: { host: redis.host } },
    faults: [
      { name: 'failover', act: failOver },
      { name: 'failover again', act: failOver },
    ],
    close: () => redis.stop(),
  }
}
