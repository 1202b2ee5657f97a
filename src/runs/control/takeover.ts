/**
 * Looks for runs whose process died and takes them over. Runs that can be continued go on; the others end as
 * `interrupted`.
 *
 * With a lease of 10 s, that end comes at most 14 s after the death: 10 until the lease expires, 2 until the next
 * look, and 2 more for a run of an unknown kind, so that every process that knows the kind looks first.
 *
 * A clock that jumps forward, such as when a machine wakes up, expires all leases at once. Nothing is taken over then
 * for the length of a lease, in which live processes renew theirs. The same holds after a store was unavailable, as
 * no process could renew meanwhile.
 */
import { StoreError } from '../../streams/errors.ts'
import type { StoreErrorCode } from '../../streams/errors.ts'
import type { Lease } from '../../streams/leases.ts'
import { readCheckpoint } from '../log/checkpoint.ts'
import { endFor } from '../end-reasons.ts'
import type { Continuation, Continuations } from './continuations.ts'
import type { Assignment } from '../local/assignment.ts'
import { LookNotes } from './look-notes.ts'
import type { Mailbox } from './mailbox.ts'
import type { RunSettings } from '../options.ts'
import type { OwedEnds } from '../owed/owed-ends.ts'
import { PassedLeases } from './passed-leases.ts'
import type { ProcessLimit } from '../start/process-limit.ts'
import { readRunRecord } from '../records/run-record.ts'
import type { RunRecord } from '../records/run-record.ts'
import { Ticker } from '../../time/ticker.ts'
import { WallClock } from '../../time/wall-clock.ts'

/** Looks per lease length. */
export const LOOKS = 5
/** How long processes that know a kind go first, in intervals between looks: less than 1, as timers vary. */
const PASSED_OVER = 0.9
/** Silence of the store, in lease lengths, that is still harmless: it makes at most two renewals fail. */
const SILENCE = 0.5
/** Leases per page. */
const PAGE = 1000
/** Leases taken over concurrently: a store that groups its writes commits them together. */
const AT_ONCE = 100
/** Longest pause between retries of a failing takeover, in intervals between looks. */
const LONGEST_PAUSE = 30
/** Codes of a store that could not be reached. */
const AWAY: ReadonlySet<StoreErrorCode> = new Set(['unavailable', 'locked', 'overloaded'])

export interface TakeoverOptions {
  readonly continuations: Continuations
  /** Touched with each look. */
  readonly mailbox: Mailbox
  readonly places: ProcessLimit
  readonly owed: OwedEnds
  /** Whether this process works on the run of a lease. */
  readonly has: (lease: Lease) => boolean
  readonly adopt: (assignment: Assignment) => void
}

interface LookedAtPage {
  readonly last: Lease | undefined
  /** Whether there may be more after it. */
  readonly more: boolean
  /** Whether none of these leases concerns this process. */
  readonly isForeign: boolean
}

export class Takeover {
  readonly #settings: RunSettings
  readonly #options: TakeoverOptions
  readonly #ticker: Ticker
  readonly #closed = new AbortController()
  /** Notes of the last complete look. */
  #notes = new LookNotes()
  readonly #passed = new PassedLeases()
  readonly #clock = new WallClock()
  /** When, by `performance.now()`, expired leases were last doubted. */
  #doubtedAt = Number.NEGATIVE_INFINITY
  /** When, by the same clock, the store last listed expired leases; undefined before the first look. */
  #answeredAt: number | undefined
  #failing = false
  /** Since then, other leases may have come before the passed ones. */
  #wentBack = false

  constructor(settings: RunSettings, options: TakeoverOptions) {
    this.#settings = settings
    this.#options = options
    // A process that only waits for takeovers may exit.
    this.#ticker = new Ticker(settings.leaseTtlMs / LOOKS, () => this.#tryToLook(), { ref: false })
  }

  /** Starts looking, at once and periodically. May be called again. */
  start(): void {
    if (this.#ticker.running || this.#closed.signal.aborted) return
    this.#ticker.start()
    this.#ticker.now()
  }

  /** Looks now, because another process left runs. */
  now(): void {
    if (this.#ticker.running) this.#ticker.now()
  }

  /** Resolves when no takeover is in progress any more. */
  async stop(): Promise<void> {
    this.#closed.abort()
    await this.#ticker.stop()
  }

  /** A failed look is followed by others. */
  async #tryToLook(): Promise<void> {
    try {
      await this.#touchMailbox()
      await this.#look()
      this.#failing = false
    } catch (err) {
      if (this.#closed.signal.aborted) return
      // A process that began while the store was unavailable cannot tell for how long it was.
      this.#answeredAt ??= Number.NEGATIVE_INFINITY
      if (!this.#failing)
        this.#settings.logger.warn({ err }, 'runs to take over cannot be listed; trying again')
      this.#failing = true
    }
  }

  /** Without a mailbox others cannot reach this process, but it can still take over runs. */
  async #touchMailbox(): Promise<void> {
    try {
      await this.#options.mailbox.touch()
    } catch (err) {
      if (!this.#closed.signal.aborted) this.#settings.logger.debug({ err }, 'mailbox could not be touched')
    }
  }

  /** Whether leases that the store just listed as expired may in fact be held. */
  #mustWait(): boolean {
    const { leaseTtlMs, logger } = this.#settings
    const now = performance.now()
    const silence = now - (this.#answeredAt ?? now)
    this.#answeredAt = now
    // Otherwise a store that answers every look late, but never fails, would be doubted for ever.
    const isNew = now - this.#doubtedAt > 2 * leaseTtlMs
    const seconds = this.#clock.jump() / 1000
    if (seconds * 1000 < -leaseTtlMs / LOOKS) this.#wentBack = true
    // A shorter jump cannot expire a lease that is renewed in time.
    if (seconds * 1000 > leaseTtlMs / LOOKS) {
      this.#doubtedAt = now
      logger.warn({ seconds }, 'clock jumped forward; no run is taken over for the length of a lease')
    } else if (silence > SILENCE * leaseTtlMs && (silence > leaseTtlMs || this.#failing || isNew)) {
      this.#doubtedAt = now
      logger.warn({}, 'store was unavailable; no run is taken over for the length of a lease')
    }
    return now - this.#doubtedAt < leaseTtlMs
  }

  async #look(): Promise<void> {
    if (this.#wentBack) this.#passed.forget()
    this.#wentBack = false
    const notes = new LookNotes(this.#notes)
    notes.unknown = this.#passed.unknown
    if (await this.#lookBehind(notes)) await this.#lookAgain()
    if (notes.full > 0 && this.#notes.full === 0)
      this.#settings.logger.warn(
        { runs: notes.full },
        'runs wait to be taken over: this process has reached its limit of runs',
      )
    if (notes.unknown > 0 && this.#notes.unknown === 0)
      this.#settings.logger.warn(
        { runs: notes.unknown },
        'ended runs are left to other processes: their kinds are unknown here, or have no `ended` here',
      )
    this.#notes = notes.close()
    if (notes.failed > 0)
      this.#settings.logger.warn(
        { err: notes.failure, runs: notes.failed },
        'runs could not be taken over; trying again',
      )
  }

  /** Looks at all leases that are not passed. False when nothing may be taken over. */
  async #lookBehind(notes: LookNotes): Promise<boolean> {
    let isPassing = true
    for (let after = this.#passed.end, more = true; more;) {
      const unknown = notes.unknown
      const page = await this.#lookAtPage(after, notes)
      if (!page) return false
      isPassing &&= page.isForeign && page.more
      if (isPassing && page.last) this.#passed.pass(page.last, notes.unknown - unknown, notes)
      after = page.last
      more = page.more
    }
    return true
  }

  /** Looks again at a page of the passed leases. What it finds is left to the next look, which begins at the first. */
  async #lookAgain(): Promise<void> {
    const passed = this.#passed
    if (!passed.end) return
    const page = await this.#lookAtPage(passed.again, passed.notes, (lease) => passed.has(lease))
    if (page?.isForeign) passed.seen(page.last)
    else if (page) passed.forget()
  }

  /** Looks at a page of leases after one; undefined when nothing may be taken over. */
  async #lookAtPage(
    after: Lease | undefined,
    notes: LookNotes,
    shall: (lease: Lease) => boolean = () => true,
  ): Promise<LookedAtPage | undefined> {
    const { signal } = this.#closed
    const page = after ? { limit: PAGE, after, signal } : { limit: PAGE, signal }
    const expired = await this.#settings.store.leases.expired(page)
    if (this.#mustWait()) return undefined
    const foreign = notes.foreign
    const found = expired.filter(shall)
    for (let at = 0; at < found.length; at += AT_ONCE) {
      signal.throwIfAborted()
      const slice = found.slice(at, at + AT_ONCE).filter((lease) => !this.#options.has(lease))
      const answered = await Promise.all(slice.map((lease) => this.#tryToSettle(lease, notes)))
      // Time spent taking over does not count as silence of the store.
      if (answered.length === 0 || answered.includes(true)) this.#answeredAt = performance.now()
    }
    const isForeign = notes.foreign - foreign === found.length
    return { last: expired.at(-1), more: expired.length === PAGE, isForeign }
  }

  /**
   * A failure does not hold up other leases, and is retried less and less often. Returns whether the store answered.
   */
  async #tryToSettle(lease: Lease, notes: LookNotes): Promise<boolean> {
    const note = notes.before(lease)
    if (note?.type === 'foreign' && lease.owed) notes.unknown++
    if (note?.type === 'foreign' || (note?.type === 'failed' && performance.now() < note.again)) {
      notes.keep(lease, note)
      return true
    }
    try {
      if (lease.owed) await this.#options.owed.take(lease, notes, this.#closed.signal)
      else await this.#settle(lease, notes)
      return true
    } catch (error) {
      this.#closed.signal.throwIfAborted()
      const times = (note?.type === 'failed' ? note.times : 0) + 1
      // The first retry is at the next look, as most failures are temporary.
      const looks = times === 1 ? 0 : Math.min(2 ** times, LONGEST_PAUSE)
      const again = performance.now() + looks * (this.#settings.leaseTtlMs / LOOKS)
      notes.fail(lease, { type: 'failed', times, again }, error)
      return !(error instanceof StoreError && AWAY.has(error.code))
    }
  }

  /** Takes the lease over, if its stream is a run and no other process should do so first. */
  async #settle(lease: Lease, notes: LookNotes): Promise<void> {
    const { store, kinds, leaseTtlMs } = this.#settings
    const { signal } = this.#closed
    const id = lease.stream
    const before = await store.head(id, signal)
    const known = before && readRunRecord(before)
    if (!before || before.closed) return
    if (!known) {
      notes.keep(lease, { type: 'foreign' })
      return
    }
    if (known.kind !== undefined && !kinds.has(known.kind)) {
      const note = notes.before(lease)
      const since = note?.type === 'left' ? note.since : performance.now()
      notes.keep(lease, { type: 'left', since })
      if (performance.now() - since < PASSED_OVER * (leaseTtlMs / LOOKS)) return
    }
    await this.#options.mailbox.open()
    const expected = nextAttempt(known, before.tail.position, lease)
    const continuation = await this.#options.continuations.of(expected, signal)
    // A run that cannot continue is ended at once, and needs no place.
    const leave = continuation ? this.#options.places.takeOver() : () => {}
    if (!leave) {
      notes.full++
      return
    }
    try {
      await this.#take(lease, continuation)
    } finally {
      leave()
    }
  }

  async #take(lease: Lease, continuation: Continuation | undefined): Promise<void> {
    const { store, holder, leaseTtlMs, logger } = this.#settings
    const id = lease.stream
    // Not aborted: a lease taken unnoticed would be unused for its whole length.
    const taken = await store.leases.acquire(id, { holder, ttlMs: leaseTtlMs })
    const record = taken.outcome === 'acquired' ? readRunRecord(taken.info) : undefined
    if (taken.outcome !== 'acquired' || !record) return
    const { tail } = taken.info
    const next = nextAttempt(record, tail.position, lease)
    logger.info({ run: id, attempt: next.attempt, from: lease.holder }, 'run taken over')
    this.#options.adopt({
      lease: taken.lease,
      owner: taken.info.owner,
      record: next,
      checkpoint: readCheckpoint(taken.info),
      tail,
      takenOver: true,
      ...(continuation ?? { resumable: false, provider: undefined, end: endFor('interrupted') }),
      ...(continuation && !continuation.resumable && { anew: true }),
    })
  }
}

/** @param lease the expired one. */
function nextAttempt(record: RunRecord, tail: number, lease: Lease): RunRecord {
  // When a lease was handed over, its process had not died.
  const died = lease.ttlMs === 0 ? 0 : 1
  const barren = tail === record.attemptAt ? record.barren + died : 0
  return { ...record, attempt: record.attempt + 1, attemptAt: tail, barren }
}
