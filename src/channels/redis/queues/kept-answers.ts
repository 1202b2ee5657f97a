/** Which answered calls a Redis still knows after its connection was lost. */
import type { RedisClient } from '../../../redis/open-client.ts'

/** Milliseconds of answered calls that a Redis may lose in a crash or a failover. */
const LOST_BY_A_CRASH = 10_000

export class KeptAnswers {
  /** When Redis last answered a sign of life, and the id of the server's run. */
  #aliveAt = 0
  #aliveRun: string | undefined
  #run: string | undefined

  /** Calls answered before this time, in milliseconds of `performance.now()`, survive a crash. */
  get until(): number {
    return this.#aliveAt - LOST_BY_A_CRASH
  }

  /** The same after a reconnect. When only the connection was lost, the server still has everything. */
  get overReconnect(): number {
    return this.#run !== undefined && this.#run === this.#aliveRun ? Number.POSITIVE_INFINITY : this.until
  }

  /** Notes which server a new connection leads to, if the layer's permissions let it ask. */
  async connected(client: RedisClient): Promise<void> {
    const info = await client.send(['INFO', 'server']).catch(() => '')
    this.#run = /^run_id:(\w+)/m.exec(String(info))?.[1]
  }

  /** Notes that Redis answered a sign of life. */
  answered(): void {
    this.#aliveAt = performance.now()
    this.#aliveRun = this.#run
  }
}
