/** Restores appends of this process that Redis has lost, or tells watchers that they are lost. */
import type { Logger } from '../../logging/logger.ts'
import { LEASE_PRODUCER } from '../leases.ts'
import type { CheckedAppend } from '../bookkeeping/requests.ts'
import type { RecentAppends } from './recent-appends.ts'
import type { RedisStreamTable } from './stream-table.ts'
import type { IncarnatePlace } from './state.ts'

export class Recovery {
  readonly #table: RedisStreamTable
  readonly #recent: RecentAppends
  readonly #logger: Logger

  constructor(table: RedisStreamTable, recent: RecentAppends, logger: Logger) {
    this.#table = table
    this.#recent = recent
    this.#logger = logger
  }

  /**
   * Repeats the appends that Redis has lost of a producer, judged by an append refused as a gap. Returns whether that
   * append can now be sent. If it cannot, the watchers are told that the history has changed.
   */
  async restore(id: string, request: CheckedAppend, expectedSeq: number): Promise<boolean> {
    const loss = this.#recent.lossAt(id, request, expectedSeq)
    if (!loss || (await this.#isForgotten(id, request, expectedSeq, loss.last))) return false
    let restored = loss.appends !== undefined
    for (const kept of loss.appends ?? []) restored &&= await this.#table.restore(id, kept)
    if (restored) this.#logger.warn({ stream: id }, 'Redis had lost records; they were appended again')
    else {
      this.#logger.error({ stream: id }, 'Redis has lost records')
      this.#recent.forget(id)
      await this.#table.cut(id, loss.last)
    }
    return restored
  }

  /**
   * Whether a producer is unknown because the stream forgot it, not because Redis lost it: then its records exist, or
   * were trimmed. The producer of a lease is never forgotten.
   */
  async #isForgotten(
    id: string,
    { producer }: CheckedAppend,
    expectedSeq: number,
    { incarnation, at }: IncarnatePlace,
  ): Promise<boolean> {
    if (expectedSeq > 0 || producer?.id === LEASE_PRODUCER) return false
    const { result } = await this.#table.read(id, at, 1, 1, incarnation)
    return result.outcome === 'page' || result.outcome === 'trimmed'
  }
}
