/**
 * Looks for runs whose process died, and takes them over: those that can be continued go on, the
 * others end as `interrupted`.
 *
 * With a lease of 10 s it takes at most 14 s from the death to that end: 10 until the lease is over,
 * 2 until the next look, and 2 more for a run of a kind that is not known here, so that every process
 * that does know it has had a look before.
 *
 * A clock that jumps forward ends all leases at once, as when a machine wakes up: nothing is taken over
 * then until the time of a lease has passed, in which whoever lives renews its own. So does a store that
 * was away, as nobody could renew meanwhile.
 */
import type { Lease } from '../streams/leases.ts'
import { endFor } from './end-reasons.ts'
import type { Continuations } from './continuations.ts'
import { HAND_OVER_MS } from './held-lease.ts'
import type { Assignment } from './local-run.ts'
import type { Mailbox } from './mailbox.ts'
import type { RunSettings } from './options.ts'
import { readRunRecord } from './run-record.ts'
import type { RunRecord } from './run-record.ts'
import { Ticker } from './ticker.ts'
import { WallClock } from './wall-clock.ts'

/** Looks in the time of a lease. */
export const LOOKS = 5
/** How long others are left to take what they know, in times between looks: less than 1, as timers vary. */
const PASSED_OVER = 0.9
/** Silence of the store, in times of a lease, that is none yet: shorter, it makes no more than two renewals fail. */
const SILENCE = 0.5
/** Leases looked at in one go. */
const PAGE = 1000
/** Of these, taken over side by side: a store that groups its writes takes them in one. */
const AT_ONCE = 100

export interface TakeoverOptions {
  readonly continuations: Continuations
  /** Kept by a sign of life with each look. */
  readonly mailbox: Mailbox
  /** Whether this process works on a run. */
  readonly has: (id: string) => boolean
  readonly adopt: (assignment: Assignment) => void
}

export class Takeover {
  readonly #settings: RunSettings
  readonly #options: TakeoverOptions
  readonly #ticker: Ticker
  readonly #closed = new AbortController()
  /** Leases left to others first, by stream and epoch, with when that was by `performance.now()`. */
  #passedOver: ReadonlyMap<string, number> = new Map()
  readonly #clock = new WallClock()
  /** When, by `performance.now()`, leases were last found that may only look as if they were over. */
  #doubtedAt = Number.NEGATIVE_INFINITY
  /** When, by the same, the store last said which leases are over; undefined before the first look. */
  #answeredAt: number | undefined
  #failing = false

  constructor(settings: RunSettings, options: TakeoverOptions) {
    this.#settings = settings
    this.#options = options
    // A process that only waits for others to die may as well end.
    this.#ticker = new Ticker(settings.leaseTtlMs / LOOKS, () => this.#tryToLook(), { ref: false })
  }

  /** Looks at once, and from then on. May be called again. */
  start(): void {
    if (this.#ticker.running || this.#closed.signal.aborted) return
    this.#ticker.start()
    this.#ticker.now()
  }

  /** Looks now: somebody left runs behind. */
  now(): void {
    if (this.#ticker.running) this.#ticker.now()
  }

  /** Resolves when nothing is taken over any more. */
  async stop(): Promise<void> {
    this.#closed.abort()
    await this.#ticker.stop()
  }

  /** A look that fails is not the last one. */
  async #tryToLook(): Promise<void> {
    try {
      await this.#options.mailbox.touch()
      await this.#look()
      this.#failing = false
    } catch (err) {
      if (this.#closed.signal.aborted) return
      // One that began while the store was away cannot tell for how long it was.
      this.#answeredAt ??= Number.NEGATIVE_INFINITY
      if (!this.#failing)
        this.#settings.logger.warn({ err }, 'Runs to take over cannot be looked for; trying again')
      this.#failing = true
    }
  }

  /** Whether leases that the store just said are over may only look so. */
  #mustWait(): boolean {
    const { leaseTtlMs, logger } = this.#settings
    const now = performance.now()
    const silence = now - (this.#answeredAt ?? now)
    this.#answeredAt = now
    // A store that answers each look late, and none in vain, would be doubted for ever.
    const isNew = now - this.#doubtedAt > 2 * leaseTtlMs
    const seconds = this.#clock.jump() / 1000
    // What is shorter cannot end a lease that is renewed in time.
    if (seconds * 1000 > leaseTtlMs / LOOKS) {
      this.#doubtedAt = now
      logger.warn({ seconds }, 'The clock jumped forward; no run is taken over for the time of a lease')
    } else if (silence > SILENCE * leaseTtlMs && (silence > leaseTtlMs || this.#failing || isNew)) {
      this.#doubtedAt = now
      logger.warn({}, 'The store was away; no run is taken over for the time of a lease')
    }
    return now - this.#doubtedAt < leaseTtlMs
  }

  async #look(): Promise<void> {
    const { signal } = this.#closed
    const passedOver = new Map<string, number>()
    for (let more = true; more;) {
      const expired = await this.#settings.store.leases.expired({ limit: PAGE, signal })
      if (this.#mustWait()) break
      let taken = 0
      for (let at = 0; at < expired.length; at += AT_ONCE) {
        signal.throwIfAborted()
        const slice = expired.slice(at, at + AT_ONCE).filter(({ stream }) => !this.#options.has(stream))
        const settled = await Promise.allSettled(slice.map((lease) => this.#settle(lease, passedOver)))
        for (const outcome of settled) {
          if (outcome.status === 'rejected') throw outcome.reason
          if (outcome.value) taken++
        }
        // However long taking over takes, it is no silence of the store.
        this.#answeredAt = performance.now()
      }
      more = expired.length === PAGE && taken > 0
    }
    this.#passedOver = passedOver
  }

  /** Whether it was taken over. One that is left to others first is noted in `passedOver`. */
  async #settle(lease: Lease, passedOver: Map<string, number>): Promise<boolean> {
    const { store, kinds, holder, leaseTtlMs, logger } = this.#settings
    const { signal } = this.#closed
    const id = lease.stream
    const before = await store.head(id, signal)
    const known = before && readRunRecord(before)
    if (!known || before.closed) return false
    if (known.kind !== undefined && !kinds.has(known.kind)) {
      const since = this.#passedOver.get(nameOf(lease)) ?? performance.now()
      passedOver.set(nameOf(lease), since)
      if (performance.now() - since < PASSED_OVER * (leaseTtlMs / LOOKS)) return false
    }
    await this.#options.mailbox.open()
    const expected = nextAttempt(known, before.tail.position, lease)
    const provider = await this.#options.continuations.of(expected, signal)
    // Not aborted: a lease that was taken and not noticed would be nobody's for its whole length.
    const taken = await store.leases.acquire(id, { holder, ttlMs: leaseTtlMs })
    const record = taken.outcome === 'acquired' ? readRunRecord(taken.info) : undefined
    if (taken.outcome !== 'acquired' || !record) return false
    const tail = taken.info.tail.position
    const next = nextAttempt(record, tail, lease)
    logger.info({ run: id, attempt: next.attempt, from: lease.holder }, 'A run was taken over')
    this.#options.adopt({
      lease: taken.lease,
      owner: taken.info.owner,
      record: next,
      tail,
      takenOver: true,
      resumable: provider !== undefined,
      provider,
      ...(!provider && { end: endFor('interrupted') }),
    })
    return true
  }
}

/** `lease` is the one that is over. */
function nextAttempt(record: RunRecord, tail: number, lease: Lease): RunRecord {
  // Of a lease that was handed over nobody died; no run is leased for so short otherwise.
  const died = lease.ttlMs === HAND_OVER_MS ? 0 : 1
  const barren = tail === record.attemptAt ? record.barren + died : 0
  return { ...record, attempt: record.attempt + 1, attemptAt: tail, barren }
}

function nameOf({ stream, incarnation, epoch }: Lease): string {
  return `${stream} ${incarnation} ${epoch}`
}
