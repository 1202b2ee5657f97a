/** Puts back what Redis has lost of the appends of this process, or says that it is lost. */
import type { Logger } from '../../logging/logger.ts'
import type { CheckedAppend } from '../requests.ts'
import type { RecentAppends } from './recent-appends.ts'
import type { StreamTable } from './stream-table.ts'

export class Recovery {
  readonly #table: StreamTable
  readonly #recent: RecentAppends
  readonly #logger: Logger

  constructor(table: StreamTable, recent: RecentAppends, logger: Logger) {
    this.#table = table
    this.#recent = recent
    this.#logger = logger
  }

  /**
   * Sends again what Redis has lost of a producer's appends, as an append that is refused as a gap says: whether that
   * append is due now. Where it cannot be so, those who follow are told: what comes has another history.
   */
  async restore(id: string, request: CheckedAppend, expectedSeq: number): Promise<boolean> {
    const loss = this.#recent.lossAt(id, request, expectedSeq)
    if (!loss) return false
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
}
