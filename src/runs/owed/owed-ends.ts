/**
 * Handles the ends of runs: tells their kinds, and cancels their upstream work. The process that ended a run does so
 * at once; if it dies before, another one finds the end owed and handles it. Each end is handled at least once, by
 * one process at a time.
 */
import { FloodLog } from '../../logging/flood-log.ts'
import { callHandler, loggingOwner } from '../../logging/late-errors.ts'
import type { Lease } from '../../streams/leases.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import type { Continuations } from '../control/continuations.ts'
import { RENEWALS } from '../local/held-lease.ts'
import { Generation } from '../generation/generation.ts'
import type { LookNotes } from '../control/look-notes.ts'
import type { RunDefinition } from '../definition.ts'
import type { RunSettings } from '../options.ts'
import { readOwed } from './owed.ts'
import type { Owed } from './owed.ts'
import { OwedWork } from './owed-work.ts'
import type { OwedPart } from './owed-work.ts'
import { readRunRecord, runInfo } from '../records/run-record.ts'
import type { RunRecord } from '../records/run-record.ts'
import { pause, Ticker } from '../../time/ticker.ts'
import type { UpstreamPlace } from '../generation/upstream-place.ts'

/** Most ends handled at a time: of other processes' runs, and of all. Further ones are left to others. */
const MOST_TAKEN = 100
const MOST = 1000

/** What the close of a run of this process left owed. */
export interface OwedHere {
  readonly lease: Lease
  /** Until when no other process can take the lease, by `performance.now()`. */
  readonly until: number
  readonly record: RunRecord
  readonly owed: Owed
  readonly place: UpstreamPlace
  /** Resolves when its providers have ended. */
  readonly providersEnded: Promise<unknown> | undefined
}

export class OwedEnds {
  readonly #settings: RunSettings
  readonly #continuations: Continuations
  readonly #flood: FloodLog
  readonly #keeper: Ticker
  readonly #onRoom: () => void
  readonly #works = new Set<OwedWork>()
  /** Claims in progress, by stream and incarnation. */
  readonly #claiming = new Set<string>()
  /** Whether ends were left to others because of the limit. */
  #isShort = false
  #closed = false

  /** @param onRoom called when there is room again after ends were left to others. */
  constructor(settings: RunSettings, continuations: Continuations, onRoom: () => void) {
    this.#settings = settings
    this.#continuations = continuations
    this.#onRoom = onRoom
    this.#flood = new FloodLog(settings.logger)
    this.#keeper = new Ticker(settings.leaseTtlMs / RENEWALS, () => this.#renewAll(), { ref: true })
  }

  /** Handles the end of a run of this process, which holds its lease. */
  begin({ lease, until, record, owed, place, providersEnded }: OwedHere): void {
    const work = this.#works.size < MOST && !this.#closed
    if (!work) {
      this.#isShort = true
      const failed = (err: unknown): void =>
        this.#settings.logger.debug(
          { err, run: lease.stream },
          'end of a run is left until its lease expires',
        )
      this.#settings.store.leases.handOver(lease).catch(failed)
      return
    }
    const begun = this.#add({
      lease,
      until,
      record,
      owed,
      cancel: owed.cancel && (() => Promise.resolve(providersEnded).then(() => undefined)),
    })
    if (!owed.cancel) return
    place.onMove = () => {
      if (place.value !== undefined) void begun.change({ cancel: { value: place.value } })
    }
    void begun.over.then(() => (place.onMove = undefined))
  }

  /** Claims and handles an end that another process, or this one before a restart, left. Rejects as the store does. */
  async take(lease: Lease, notes: LookNotes, signal: AbortSignal): Promise<void> {
    const { store, kinds, holder, leaseTtlMs } = this.#settings
    const name = `${lease.stream} ${lease.incarnation}`
    if (this.#claiming.has(name)) return
    if (this.#works.size + this.#claiming.size >= MOST_TAKEN) {
      this.#isShort = true
      return
    }
    this.#claiming.add(name)
    try {
      const info = await store.head(lease.stream, signal)
      if (info?.incarnation !== lease.incarnation) return
      const { kind } = readRunRecord(info) ?? {}
      // A process that knows the kind handles it, possibly one of a newer version.
      if (kind === undefined || !kinds.has(kind)) return notes.leave(lease)
      // Not aborted: an end claimed unnoticed would be unhandled for the whole length of the claim.
      const until = performance.now() + leaseTtlMs
      const claimed = await store.leases.claim(lease, { holder, ttlMs: leaseTtlMs })
      const record = claimed.outcome === 'claimed' ? readRunRecord(claimed.info) : undefined
      if (claimed.outcome !== 'claimed' || !record) return
      const owed = readOwed(claimed.owes)
      const tells = owed.ended && kinds.get(kind)?.ended !== undefined
      if (!tells && !owed.cancel) notes.leave(claimed.lease)
      const cancel: OwedPart | undefined =
        owed.cancel && ((signal, makeSure) => this.#cancel(claimed.info, record, owed, signal, makeSure))
      this.#add({ lease: claimed.lease, until, record, owed, cancel, info: claimed.info })
    } finally {
      this.#claiming.delete(name)
    }
  }

  /** Number of ends being handled. */
  get size(): number {
    return this.#works.size
  }

  /** Begins nothing more. Waits for `stopTimeout`, and leaves the rest to others. Resolves to whether it left any. */
  async close(): Promise<boolean> {
    this.#closed = true
    const ended = new AbortController()
    const all = [...this.#works]
    const ending = Promise.all(all.map(({ over }) => over)).then(() => ended.abort())
    await Promise.race([ending, pause(all.length > 0 ? this.#settings.stopTimeoutMs : 0, ended.signal)])
    const left = [...this.#works]
    for (const work of left) work.stop(new Error('The process shuts down'))
    await Promise.all(left.map(({ over }) => over))
    await this.#keeper.stop()
    this.#flood.close()
    return left.length > 0
  }

  #add({
    lease,
    until,
    record,
    owed,
    cancel,
    info,
  }: Pick<OwedHere, 'lease' | 'until' | 'record' | 'owed'> & {
    readonly cancel: OwedPart | undefined
    readonly info?: StreamInfo
  }): OwedWork {
    const settings = this.#settings
    const { kind } = record
    const { ended } = (kind !== undefined && settings.kinds.get(kind)) || {}
    const work: OwedWork = new OwedWork({
      settings,
      lease,
      until,
      owed,
      // A kind without `ended` here may have one in another process.
      ended:
        owed.ended && ended
          ? (signal, makeSure) => this.#tell(lease, record, ended, info, signal, makeSure)
          : undefined,
      cancel,
      onFailed: (err, { attempt, isGivenUp }) => {
        const fields = { err, run: lease.stream, kind, attempt }
        if (isGivenUp) settings.logger.error(fields, 'end of a run could not be handled and is given up')
        else this.#flood.warn(fields, 'end of a run could not be handled; trying again later')
      },
    })
    this.#works.add(work)
    this.#keeper.start()
    void work.over.then(() => {
      this.#works.delete(work)
      if (this.#works.size === 0) void this.#keeper.stop()
      this.#tellOfRoom()
    })
    return work
  }

  /** Not for each free place, because the listener then lists all expired leases. */
  #tellOfRoom(): void {
    if (!this.#isShort || this.#works.size > MOST_TAKEN / 2) return
    this.#isShort = false
    this.#onRoom()
  }

  async #tell(
    { stream, incarnation }: Lease,
    { kind }: RunRecord,
    ended: NonNullable<RunDefinition['ended']>,
    known: StreamInfo | undefined,
    signal: AbortSignal,
    makeSure: () => Promise<void>,
  ): Promise<void> {
    const { store, logger } = this.#settings
    const info = known ?? (await store.head(stream, signal))
    const record = info && readRunRecord(info)
    // The run was deleted, and its owed end with it.
    if (info?.incarnation !== incarnation || !record?.end) return
    const { end } = record
    const name = `ended of the kind ${kind}`
    const owner = loggingOwner(logger, { name, outcome: 'its run has its end' }, { run: stream })
    await makeSure()
    signal.throwIfAborted()
    await callHandler(owner, async () => ended(runInfo(info, record), end, signal))
  }

  /** Makes the provider again, to cancel its upstream work, which it finds by the checkpoint. */
  async #cancel(
    { id }: StreamInfo,
    record: RunRecord,
    { cancel }: Owed,
    signal: AbortSignal,
    makeSure: () => Promise<void>,
  ): Promise<void> {
    const { logger, endedTimeoutMs } = this.#settings
    const resumeFrom = cancel?.value
    const make =
      resumeFrom === undefined
        ? undefined
        : await this.#continuations.provider(record, AbortSignal.timeout(endedTimeoutMs))
    if (!make || resumeFrom === undefined) {
      logger.warn({ run: id }, 'upstream work of a run may continue: it is no longer known')
      return
    }
    await makeSure()
    signal.throwIfAborted()
    const generation = new Generation({
      of: { run: id, kind: record.kind },
      logger,
      begin: (signal) => make()({ signal, runId: id, resumeFrom, checkpoint: () => {}, alive: () => {} }),
      take: () => undefined,
      stopTimeoutMs: endedTimeoutMs,
      cutFor: new Error('The run was stopped'),
    })
    if ((await generation.ending).type === 'left') throw new Error('Its provider did not end')
  }

  #renewAll(): void {
    const signal = AbortSignal.timeout(this.#settings.leaseTtlMs)
    for (const work of this.#works) {
      work.renew(signal).catch((err: unknown) => {
        if (!this.#works.has(work)) return
        const run = work.lease.stream
        this.#flood.warn({ err, run }, 'lease of an ended run could not be renewed; trying again')
      })
    }
  }
}
