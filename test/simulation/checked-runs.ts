/** Holds the logs of runs against what undisturbed ones yield, and their ends against what happened to them. */
import type { Fail, RunSource } from './history.ts'
import type { KeptLog } from './kept-log.ts'

/**
 * Whether an undisturbed run of a source, which yielded `first` first, yields this record at this place; `isLast`: it
 * is the last one of a run that was cut.
 */
export type Yields = (
  source: RunSource,
  at: number,
  record: string,
  first: string,
  isLast: boolean,
) => boolean

export class CheckedRuns {
  readonly #yields: Yields
  readonly #isAsked: (run: string) => boolean
  readonly #fail: Fail

  /** `isAsked`: whether anybody wanted a run to be stopped. */
  constructor(yields: Yields, isAsked: (run: string) => boolean, fail: Fail) {
    this.#yields = yields
    this.#isAsked = isAsked
    this.#fail = fail
  }

  /** What a run has kept so far is what one undisturbed run yields. */
  isPrefix(log: KeptLog, source: RunSource): void {
    const at = log.records.length - 1
    if (at >= 0) this.#isRecord(log, source, at)
  }

  #isRecord(log: KeptLog, source: RunSource, at: number): boolean {
    const [first = ''] = log.records
    const record = log.records[at] ?? ''
    const isCut = log.end !== undefined && log.end.status !== 'completed'
    const isLast = isCut && at === log.records.length - 1
    const isWithin = isLast || at < (source.events ?? Infinity)
    const isRight = isWithin && this.#yields(source, at, record, first, isLast)
    if (!isRight) {
      const what = `record ${at} of ${log.stream} is ${record}`
      this.#fail('prefix', `${what}, which no undisturbed run of ${source.tag} has there`)
    }
    return isRight
  }

  ended(run: string, source: RunSource, log: KeptLog): void {
    const { length } = log.records
    for (let at = 0; at < length; at++) if (!this.#isRecord(log, source, at)) break
    const { status, reason } = log.end ?? {}
    if (status === 'completed' && (length !== source.events || source.fails))
      this.#fail('right-end', `${run} is completed with ${length} records, of ${source.events}`)
    if (status === 'stopped' && !this.#isAsked(run) && reason !== 'unread')
      this.#fail('right-end', `${run} is stopped, and nobody asked for it`)
    const barren = log.epoch > 5
    if (status === 'failed' && reason === 'interrupted' && source.resumable && !barren)
      this.#fail('right-end', `${run} is interrupted in epoch ${log.epoch}, and could have gone on`)
    if (status === 'failed' && reason === 'provider_failed' && !source.fails)
      this.#fail('right-end', `${run} has failed, and its provider has not`)
  }
}
