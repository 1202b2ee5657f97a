/** What a Redis that was lost and is back still has of what it answered. */
import type { RedisClient } from '../../../redis/open-client.ts'

/** Milliseconds of what it answered that a Redis may lose in a crash, or a failover. */
const LOST_BY_A_CRASH = 10_000

export class Kept {
  /** When Redis last answered a sign of life, and which run of which server that was. */
  #aliveAt = 0
  #aliveRun: string | undefined
  #run: string | undefined

  /** What it answered before this, in milliseconds of `performance.now()`, no crash takes back. */
  get until(): number {
    return this.#aliveAt - LOST_BY_A_CRASH
  }

  /** The same once it is connected to again: a server that only the connection to was lost of has everything. */
  get overReconnect(): number {
    return this.#run !== undefined && this.#run === this.#aliveRun ? Number.POSITIVE_INFINITY : this.until
  }

  /** Notes which server a new connection leads to. One whose rights do not go so far is not told. */
  async connected(client: RedisClient): Promise<void> {
    const info = await client.send(['INFO', 'server']).catch(() => '')
    this.#run = /^run_id:(\w+)/m.exec(String(info))?.[1]
  }

  /** It answered a sign of life. */
  answered(): void {
    this.#aliveAt = performance.now()
    this.#aliveRun = this.#run
  }
}
