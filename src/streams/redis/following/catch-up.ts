/**
 * Reads what watchers have not been told, from where they are, and detects a different log by the stamp of the last
 * record told.
 */
import type { Logger } from '../../../logging/logger.ts'
import type { Json } from '../../../protocol/json.ts'
import type { StreamRecord } from '../../stream.ts'
import type { GoneReason } from '../../watching.ts'
import type { Watchers } from '../../bookkeeping/watchers.ts'
import type { ReadAnswer, RedisStreamTable } from '../stream-table.ts'
import type { IncarnatePlace } from '../state.ts'

/** Most records and bytes told at once. */
const MAX_RECORDS = 1000
const MAX_BYTES = 1024 * 1024
/** Milliseconds until a failed look is repeated. */
const RETRY_MS = 500
/**
 * Streams read at a time. After a reconnect all watched streams are read, and pages may be large: requests made
 * together must be answered within the timeout.
 */
export const MAX_LOOKS = 32

/** Consecutive records, from a message, a page or this process's own append. */
export interface ToldRecords {
  readonly incarnation: string
  readonly from: number
  readonly next: number
  readonly records: readonly StreamRecord[]
  readonly closed: boolean
  readonly end?: Json | undefined
  readonly stamp: string
}

/** A stream that this process follows. */
export interface Followed {
  readonly id: string
  readonly channel: string
  /** The marker of the lists when following began; see `StreamLists.marker`. */
  readonly marker: Promise<string>
  /** Number of calls that are about to watch. */
  coming: number
  /** Number of watchers; 0 once the stream is gone, which begins another life. */
  watching: number
  life: number
  /** Resolves once subscribed, for the first time. */
  readonly subscribed: PromiseWithResolvers<void>
  /** How often Redis may have been replaced by one with another history, and how many of these are resolved. */
  doubts: number
  settled: number
  /** Number of messages received: a look in progress then looks again. */
  heard: number
  /** Since when the log ends before what was told. */
  shortSince: number | undefined
  catching: Promise<void> | undefined
  again: boolean
}

export interface CatchUpOptions {
  readonly table: RedisStreamTable
  readonly watchers: Watchers
  readonly tell: (followed: Followed, stretch: ToldRecords) => void
  readonly tellGone: (followed: Followed, incarnation: string, reason: GoneReason) => void
  /** Whether all streams were lost since following began. */
  readonly isEmptied: (followed: Followed) => Promise<boolean>
  readonly logger: Logger
  /**
   * Milliseconds for which a log may end before what was told, so that its producer can repeat appends that Redis has
   * lost; see recent-appends.ts.
   */
  readonly lossPatienceMs: number
}

export class CatchUp {
  readonly #options: CatchUpOptions
  /** To be read again later. */
  readonly #due = new Set<Followed>()
  /** Those who wait until fewer than `LOOKS` are read. */
  readonly #waiting: (() => void)[] = []
  #looking = 0
  #failing = false
  #retry: NodeJS.Timeout | undefined

  constructor(options: CatchUpOptions) {
    this.#options = options
  }

  start(followed: Followed): void {
    void this.whole(followed)
  }

  forget(followed: Followed): void {
    this.#due.delete(followed)
  }

  close(): void {
    clearTimeout(this.#retry)
    this.#due.clear()
  }

  /** Reads until everything is told. A message meanwhile makes it read again. */
  whole(followed: Followed): Promise<void> {
    followed.again = true
    followed.catching ??= this.#inTurn(followed).finally(() => {
      followed.catching = undefined
    })
    return followed.catching
  }

  async #inTurn(followed: Followed): Promise<void> {
    if (this.#looking < MAX_LOOKS) this.#looking++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      await this.#readOn(followed)
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#looking--
    }
  }

  async #readOn(followed: Followed): Promise<void> {
    try {
      while (followed.again) {
        followed.again = false
        while (await this.#tellPage(followed));
        this.#failing = false
      }
    } catch (error) {
      this.#tryLater(followed, error)
    }
  }

  /** Returns whether there is more. */
  async #tellPage(followed: Followed): Promise<boolean> {
    const { table, watchers, tell } = this.#options
    const watched = watchers.get(followed.id)
    if (!watched) return false
    const { incarnation, told: position, stamp } = watched
    const { doubts } = followed
    const at = { position, stamp }
    const answer = await table.read(followed.id, at, MAX_RECORDS, MAX_BYTES, incarnation)
    if (watchers.get(followed.id)?.incarnation !== incarnation) return false
    const { result } = answer
    if (result.outcome !== 'page') {
      await this.#tellEnd(followed, { incarnation, at }, answer)
      return false
    }
    followed.shortSince = undefined
    followed.settled = doubts
    const { records, from, next, closed, end, upToDate } = result
    tell(followed, {
      incarnation,
      from: from.position,
      next: next.position,
      records,
      closed,
      end,
      stamp: next.stamp,
    })
    return !upToDate
  }

  async #tellEnd(
    followed: Followed,
    place: IncarnatePlace,
    { result: { outcome }, why }: ReadAnswer,
  ): Promise<void> {
    const { logger, table, tellGone } = this.#options
    const { incarnation } = place
    if (outcome === 'missing') {
      const isEmptied = why === undefined && (await this.#options.isEmptied(followed))
      tellGone(followed, incarnation, why ?? (isEmptied ? 'lost' : 'deleted'))
    } else if (outcome === 'past-end' && this.#isPatient(followed)) this.#lookLater(followed)
    // A later append may have repaired it before these watchers were told.
    else if (outcome === 'trimmed') tellGone(followed, incarnation, 'trimmed')
    else {
      logger.error({ stream: followed.id }, 'Redis has lost records that readers have seen')
      tellGone(followed, incarnation, 'lost')
      await table.cut(followed.id, place)
    }
  }

  #tryLater(followed: Followed, error: unknown): void {
    if (!this.#options.watchers.get(followed.id)) return
    if (!this.#failing) this.#options.logger.warn({ err: error }, 'stream could not be read; trying again')
    this.#failing = true
    this.#lookLater(followed)
  }

  #isPatient(followed: Followed): boolean {
    followed.shortSince ??= performance.now()
    return performance.now() - followed.shortSince < this.#options.lossPatienceMs
  }

  #lookLater(followed: Followed): void {
    this.#due.add(followed)
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined
      const failed = [...this.#due]
      this.#due.clear()
      for (const one of failed) void this.whole(one)
    }, RETRY_MS).unref()
  }
}
