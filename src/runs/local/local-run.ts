/**
 * One run whose lease this process holds, from taking the lease to writing the end.
 *
 * The first cause to end it decides how it ends; whatever its provider does afterwards is clean-up. Once the log
 * refuses it (another process took it over, or its stream is gone), it does nothing more.
 */
import type { Offset } from '../../protocol/offset.ts'
import type { RunEnd } from '../../protocol/run-end.ts'
import { RunMovedError } from '../../providers/provider.ts'
import type { Lease } from '../../streams/leases.ts'
import type { Assignment } from './assignment.ts'
import { type Cause, isForNobody } from './cause.ts'
import { type Checkpoint, encodeCheckpoint } from '../log/checkpoint.ts'
import { closingOf } from '../log/closing.ts'
import { whyNoProvider } from '../control/continuations.ts'
import { endFor, failedEnd, failureFor } from '../end-reasons.ts'
import { type Ending, Generation } from '../generation/generation.ts'
import { HeldLease } from './held-lease.ts'
import { Intake } from '../log/intake.ts'
import { LogWriter, type WriteRefusal } from '../log/log-writer.ts'
import { type Marking, marksOf } from '../log/marks.ts'
import type { RunSettings } from '../options.ts'
import { owedBy } from '../owed/owed.ts'
import type { OwedHere } from '../owed/owed-ends.ts'
import { contextOf } from '../generation/run-context.ts'
import { encodeRunRecord } from '../records/run-record.ts'
import type { RunRecord } from '../records/run-record.ts'
import { TimeLimits } from './time-limits.ts'
import { UpstreamPlace } from '../generation/upstream-place.ts'

const STOPPED: RunEnd = { status: 'stopped' }

export class LocalRun {
  readonly id: string
  /** Incarnation of its stream. A stream created anew under the same id belongs to another run. */
  readonly incarnation: string
  readonly owner: string | undefined
  /** The end; undefined when the run is no longer in this process. Then its log tells the end. Never rejects. */
  readonly settled: Promise<RunEnd | undefined>
  /** What its close left owed, once it has ended here. */
  owed: OwedHere | undefined
  readonly #settings: RunSettings
  readonly #provider: Assignment['provider']
  readonly #resumable: boolean
  readonly #newAttempt: Assignment['newAttempt']
  readonly #lease: HeldLease
  readonly #writer: LogWriter
  readonly #limits: TimeLimits
  #place: UpstreamPlace
  /** Aborts when there is a cause to end the work. */
  readonly #over = new AbortController()
  #record: RunRecord
  /** Where the current attempt began. */
  #resumeFrom: Checkpoint | undefined
  #intake: Intake
  /** Whether its record must be written with its end, because the stored one does not contain this attempt. */
  #noteDue = false
  #generation: Generation | undefined
  /** Resolves when the providers of earlier generations have ended. */
  #leftBehind: Promise<unknown> | undefined
  /** Whether the provider of the last generation did not end in time. */
  #isLeft = false
  #cause: Cause | undefined

  constructor(settings: RunSettings, assignment: Assignment) {
    const { lease, owner, record, checkpoint, tail, resumable, provider, newAttempt } = assignment
    this.id = lease.stream
    this.incarnation = lease.incarnation
    this.owner = owner
    this.#lease = new HeldLease(settings.store, lease)
    this.#settings = settings
    this.#record = record
    this.#provider = provider
    this.#resumable = resumable
    this.#newAttempt = newAttempt
    this.#resumeFrom = checkpoint
    this.#limits = new TimeLimits(settings, record.startedAt)
    this.#place = new UpstreamPlace(checkpoint?.value)
    const { store, logger, highWaterMark, storePatienceMs } = settings
    this.#writer = new LogWriter({
      store,
      lease,
      logger,
      highWaterMark,
      patienceMs: storePatienceMs,
      onRefused: (refusal) => this.#refused(refusal),
    })
    this.#intake = this.#newIntake(lease, checkpoint, tail)
    this.settled = this.#run(assignment)
  }

  /** The stream that holds its input, if the metadata does not. */
  get inputIn(): string | undefined {
    return this.#record.inputIn
  }

  /** Resolves when its providers have ended. They may have upstream work to cancel after the run has ended. */
  get providersEnded(): Promise<unknown> | undefined {
    return this.#generation && Promise.all([this.#leftBehind, this.#generation.done])
  }

  /** Ends the run as stopped, unless it is ending already. */
  stop(): Promise<RunEnd | undefined> {
    this.#end(STOPPED)
    return this.settled
  }

  /** Leaves the run because the process shuts down. */
  leave(): Promise<RunEnd | undefined> {
    this.#writer.hurry()
    if (this.#resumable) this.#cut({ type: 'released' }, new RunMovedError())
    else if (this.#newAttempt) this.#cut({ type: 'released' }, new Error('The run begins anew elsewhere'))
    else this.#end(endFor('interrupted'))
    return this.settled
  }

  /** Ends the work because its stream is gone. Its upstream work is no longer needed. */
  gone(): void {
    this.#refused('gone')
  }

  /**
   * Renews its lease, and returns whether it did. A lost lease ends the work here. While the last append is in
   * progress, the answer to it says what became of the run. Rejects as the store does.
   */
  async renew(signal: AbortSignal): Promise<boolean> {
    const outcome = await this.#lease.renew(signal)
    if (outcome === 'lost' && !this.#cause) this.#refused(await this.#lease.whyLost(signal))
    return outcome === 'renewed'
  }

  /**
   * Enforces its time limits. `now` is of `performance.now()`. Returns whether it has been without readers in this
   * process for too long: then call `unread`, or `read` if it has readers elsewhere.
   */
  check(now: number, readers: (id: string) => number): boolean {
    const end = this.#limits.exceeded(now, this.#generation)
    if (end) this.#end(end)
    if (this.#settings.unreadMs === Number.POSITIVE_INFINITY) return false
    if (readers(this.id) > 0) this.read(now)
    return this.#limits.isUnread(now)
  }

  /** It has readers, or may have. */
  read(now: number): void {
    this.#limits.read(now)
  }

  /** Ends the run because it has no readers. */
  unread(): void {
    this.#end(endFor('unread'))
  }

  async #run({ lease, takenOver, anew, end }: Assignment): Promise<RunEnd | undefined> {
    if (end) this.#end(end)
    // Written before the provider is called, so that a run that kills its process is noticed.
    this.#noteDue =
      takenOver && (!!end || !!(await this.#writer.note({ metadata: encodeRunRecord(this.#record) })))
    if (anew && !this.#cause) await this.#beginAnew(lease, 'interrupted')
    if (this.#cause && isForNobody(this.#cause)) await this.#clear()
    while (!this.#cause) {
      const how = await this.#generate()
      // Only now is it known whether a provider that finished left records out.
      const ending = how.type === 'whole' && !this.#cause ? this.#intake.finish() : how
      if (!this.#cause && this.#beginsAnew) await this.#beginAnew(lease, 'replay_differs')
      else this.#decide(ending)
    }
    const cause = this.#cause
    if (cause?.type === 'end') return this.#finish(cause.end)
    if (cause?.type === 'refused' && cause.refusal === 'unwritable') return this.#finish(endFor('store'))
    if (cause?.type === 'released') await this.#release()
    return undefined
  }

  async #generate(cutFor?: Error): Promise<Ending> {
    this.#leftBehind = this.providersEnded
    this.#generation = new Generation({
      of: { run: this.id, kind: this.#record.kind },
      logger: this.#settings.logger,
      begin: (signal) => this.#begin(signal),
      take: (event) => {
        try {
          return this.#take(event)?.catch((error: unknown) => this.#refuse(error))
        } catch (error) {
          return this.#refuse(error)
        }
      },
      stopTimeoutMs: this.#settings.stopTimeoutMs,
      ...(cutFor && { cutFor }),
    })
    const ending = await this.#generation.ending
    this.#isLeft = ending.type === 'left'
    if (this.#isLeft)
      this.#settings.logger.warn({ run: this.id }, 'provider did not end after its signal aborted')
    return ending
  }

  /** Cancels the upstream work of an earlier attempt; the provider finds it by the checkpoint. */
  async #clear(): Promise<void> {
    if (this.#resumeFrom?.value === undefined) return
    if (this.#provider) await this.#generate(new Error('The run was stopped'))
    else {
      const { kinds, logger } = this.#settings
      logger.warn(
        { run: this.id },
        `upstream work of a run may continue: ${whyNoProvider(this.#record, kinds)}`,
      )
    }
  }

  /**
   * Begins another attempt after the records in the log. The marking records, the checkpoint and the attempt number
   * are written in one step.
   */
  async #beginAnew(lease: Lease, reason: Marking['reason']): Promise<void> {
    // A provider that differed was cut, and has cancelled its upstream work.
    if (reason === 'interrupted') await this.#clear()
    this.#resumeFrom = undefined
    this.#place = new UpstreamPlace(undefined)
    if (this.#cause) return
    try {
      const marking = { run: this.id, record: this.#record, newAttempt: this.#newAttempt, reason }
      const { records, size, restarts } = marksOf(this.#settings, marking)
      const { at, bytes } = await this.#intake.skip()
      const tail = at + records.length
      const checkpoint = { at: tail, bytes: bytes + size }
      this.#record = { ...this.#record, restarts, attemptAt: tail }
      this.#settings.logger.info({ run: this.id, reason }, 'run begins anew')
      const metadata = encodeRunRecord(this.#record)
      await this.#writer.note({ records, metadata, checkpoint: encodeCheckpoint(checkpoint) })
      this.#intake = this.#newIntake(lease, checkpoint)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Whether it begins anew instead of failing, because its provider yielded other events than the log holds. */
  get #beginsAnew(): boolean {
    return this.#intake.differs && this.#newAttempt !== undefined
  }

  #newIntake(lease: Lease, checkpoint: Checkpoint | undefined, tail?: Offset): Intake {
    const { signal } = this.#over
    return new Intake({ settings: this.#settings, writer: this.#writer, lease, checkpoint, tail, signal })
  }

  #begin(signal: AbortSignal): AsyncIterable<unknown> {
    if (!this.#provider) throw failureFor('interrupted')
    const resumeFrom = this.#resumeFrom?.value
    const attempt = { intake: this.#intake, place: this.#place }
    const onAlive = (): void => this.#generation?.alive()
    return this.#provider()(contextOf({ runId: this.id, signal, resumeFrom, ...attempt, onAlive }))
  }

  #take(event: unknown): Promise<void> | undefined {
    // The attempt that continues the run yields it again.
    if (this.#cause && this.#cause.type !== 'end') return undefined
    return this.#intake.take(event)
  }

  /** Records the failure at once, so that later errors of the provider's clean-up do not replace it. */
  #refuse(error: unknown): never {
    if (!this.#beginsAnew) this.#fail(error)
    throw error
  }

  /** The provider ended first. */
  #decide(ending: Ending): void {
    if (ending.type === 'threw') this.#fail(ending.error)
    this.#cause ??= { type: 'end', end: { status: 'completed' } }
  }

  #fail(err: unknown): void {
    if (this.#cause) return
    const end = failedEnd(this.#settings.logger, this.id, err)
    this.#cause = { type: 'end', end }
  }

  async #finish(end: RunEnd): Promise<RunEnd | undefined> {
    const settings = this.#settings
    const place = this.#place
    const { inHand: lease, until } = this.#lease
    const left = this.#isLeft ? { resumable: this.#resumable, place } : undefined
    const owed = owedBy(settings, this.#record, lease, left)
    let kept = end
    const outcome = await this.#writer.finish((isLossy) => {
      // The provider may have finished before the store refused its last records. Then the log is not complete.
      kept = isLossy && end.status === 'completed' ? endFor('store') : end
      return closingOf(settings, this.id, this.#record, kept, { noteDue: this.#noteDue, owed })
    })
    if (outcome !== 'ended') return undefined
    if (owed)
      this.owed = { lease, until, owed, record: this.#record, place, providersEnded: this.providersEnded }
    return kept
  }

  /** Writes what has come, and hands the lease over. */
  async #release(): Promise<void> {
    await this.#writer.flush()
    try {
      await this.#lease.handOver()
    } catch (err) {
      this.#settings.logger.warn(
        { err, run: this.id },
        'lease of a run could not be handed over; it will expire',
      )
    }
  }

  #refused(refusal: WriteRefusal): void {
    this.#cut(
      { type: 'refused', refusal },
      refusal === 'moved' ? new RunMovedError() : new Error(`The log is ${refusal}`),
    )
  }

  #end(end: RunEnd): void {
    this.#cut({ type: 'end', end }, new Error(end.message ?? 'The run was stopped'))
  }

  #cut(cause: Cause, reason: Error): void {
    // A refusal overrides a release: there is no lease left to hand over.
    if (this.#cause && !(this.#cause.type === 'released' && cause.type === 'refused')) return
    this.#cause = cause
    if (cause.type === 'end') this.#writer.hold()
    this.#over.abort(reason)
    this.#generation?.cut(reason)
  }
}
