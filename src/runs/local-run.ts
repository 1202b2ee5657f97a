/**
 * One run whose lease this process holds: from the lease in hand to the end in the log.
 *
 * What ends it first decides how it ends; whatever happens to its provider afterwards is its
 * provider's clean-up. Once the log refuses it (another process took it over, its stream is gone)
 * it does nothing more.
 */
import { Buffer } from 'node:buffer'
import type { Json } from '../protocol/json.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import { RunMoved } from '../providers/provider.ts'
import type { RunContext, RunProvider } from '../providers/provider.ts'
import type { Lease } from '../streams/leases.ts'
import { isForNobody } from './cause.ts'
import type { Cause } from './cause.ts'
import { checkpointValueBytes, encodeCheckpoint } from './checkpoint.ts'
import type { Checkpoint } from './checkpoint.ts'
import { closingOf } from './closing.ts'
import { endAfterError, endFor, failureFor, upstreamDetail } from './end-reasons.ts'
import { Generation } from './generation.ts'
import type { Ending } from './generation.ts'
import { HeldLease } from './held-lease.ts'
import { LogWriter } from './log-writer.ts'
import type { Refusal } from './log-writer.ts'
import type { RunSettings } from './options.ts'
import { encodeRunRecord } from './run-record.ts'
import type { RunRecord } from './run-record.ts'

/** A run that this process is to work on. */
export interface Assignment {
  readonly lease: Lease
  readonly owner: string | undefined
  readonly record: RunRecord
  /** From where its provider goes on; undefined for the start. */
  readonly checkpoint: Checkpoint | undefined
  /** Records in its log. */
  readonly tail: number
  /** Whether another process, or this one in an earlier life, worked on it before. */
  readonly takenOver: boolean
  /** Whether it can be left to another process. */
  readonly resumable: boolean
  /** Makes its provider, if it can be made here. */
  readonly provider: (() => RunProvider) | undefined
  /** How it ends, when it is not to go on. */
  readonly end?: RunEnd
}

const STOPPED: RunEnd = { status: 'stopped' }

export class LocalRun {
  readonly id: string
  /** Of its stream: one that was created anew under the same id is another run's. */
  readonly incarnation: string
  readonly owner: string | undefined
  /** The end, or undefined when the run is no longer this process's: its log tells the end. Never rejects. */
  readonly settled: Promise<RunEnd | undefined>
  readonly #settings: RunSettings
  readonly #provider: Assignment['provider']
  readonly #resumable: boolean
  readonly #lease: HeldLease
  readonly #writer: LogWriter
  readonly #checkpointBytes: number
  /** On the clock of `performance.now()`; of a run that was taken over by the wall clock, which alone is shared. */
  readonly #startedAt: number
  /** Events that a provider which goes on yields again. */
  readonly #known: number
  readonly #covered: number
  readonly #record: RunRecord
  /** Where the attempt began. */
  readonly #resumeFrom: Checkpoint | undefined
  /** Whether its record is to be kept with its end: this attempt is not in it. */
  #noteDue = false
  #generation: Generation | undefined
  #cause: Cause | undefined
  /** Goes with the event that is yielded next. */
  #checkpoint: { readonly value: Json } | undefined
  #events = 0
  /** Of all records of the run, whichever process wrote them. */
  #bytes: number
  #readAt: number

  constructor(settings: RunSettings, assignment: Assignment) {
    const { lease, owner, record, checkpoint, tail, resumable, provider } = assignment
    this.id = lease.stream
    this.incarnation = lease.incarnation
    this.owner = owner
    this.#lease = new HeldLease(settings.store.leases, lease)
    this.#settings = settings
    this.#record = record
    this.#provider = provider
    this.#resumable = resumable
    this.#resumeFrom = checkpoint
    this.#covered = checkpoint?.at ?? 0
    this.#bytes = checkpoint?.bytes ?? 0
    this.#known = Math.max(0, tail - this.#covered)
    this.#checkpointBytes = checkpointValueBytes(settings.store)
    this.#readAt = performance.now()
    this.#startedAt = this.#readAt - Math.max(0, Date.now() - record.startedAt)
    const { store, logger, highWaterMark, storePatienceMs } = settings
    this.#writer = new LogWriter({
      store,
      lease,
      logger,
      highWaterMark,
      patienceMs: storePatienceMs,
      onRefused: (refusal) => this.#refused(refusal),
    })
    this.settled = this.#run(assignment)
  }

  /** The stream that holds its input, when its metadata does not. */
  get inputIn(): string | undefined {
    return this.#record.inputIn
  }

  /** Ends the run as stopped, unless something else ends it already. */
  stop(): Promise<RunEnd | undefined> {
    this.#end(STOPPED)
    return this.settled
  }

  /** Lets go of the run because the process shuts down. */
  leave(): Promise<RunEnd | undefined> {
    this.#writer.hurry()
    if (this.#resumable) this.#cut({ type: 'released' }, new RunMoved())
    else this.#end(endFor('interrupted'))
    return this.settled
  }

  /** Ends the work: its stream is no more. What is under way upstream is for nobody. */
  gone(): void {
    this.#refused('gone')
  }

  /**
   * Renews its lease; whether that was done. A lease that is lost ends the work here; while the last append
   * is under way, its answer says what became of the run. Rejects as the store does, renewed or not.
   */
  async renew(signal: AbortSignal): Promise<boolean> {
    const outcome = await this.#lease.renew(signal)
    if (outcome === 'lost' && !this.#cause) this.#refused(await this.#whyLost(signal))
    return outcome === 'renewed'
  }

  /** Whether somebody goes on with it decides what becomes of the work upstream. */
  async #whyLost(signal: AbortSignal): Promise<Refusal> {
    const info = await this.#settings.store.head(this.id, signal)
    if (info?.tail.incarnation !== this.incarnation) return 'gone'
    return info.closed ? 'closed' : 'moved'
  }

  /**
   * Holds the run to its limits of time. `now` is of `performance.now()`. Returns whether nobody in this
   * process has read it for too long: then call `unread`, or `read` when others do.
   */
  check(now: number, readers: (id: string) => number): boolean {
    const { silenceMs, thinkingMs, lifeMs, unreadMs } = this.#settings
    const { askedAt = now, quietSince = now } = this.#generation ?? {}
    if (now - quietSince >= silenceMs) this.#end(endFor('silent'))
    if (now - askedAt >= thinkingMs) this.#end(endFor('thinking_exceeded'))
    if (now - this.#startedAt >= lifeMs) this.#end(endFor('life_exceeded'))
    if (unreadMs === Number.POSITIVE_INFINITY) return false
    if (readers(this.id) > 0) this.read(now)
    return now - this.#readAt >= unreadMs
  }

  /** Somebody reads it, or may. */
  read(now: number): void {
    this.#readAt = now
  }

  /** Ends the run for want of readers. */
  unread(): void {
    this.#end(endFor('unread'))
  }

  async #run({ takenOver, end }: Assignment): Promise<RunEnd | undefined> {
    if (end) this.#end(end)
    // Kept before anything is asked of the provider: a run that kills its process is found out.
    this.#noteDue = takenOver && (!!end || !!(await this.#writer.note(encodeRunRecord(this.#record))))
    if (!this.#cause) this.#decide(await this.#generate())
    else if (isForNobody(this.#cause) && this.#resumeFrom) await this.#clear()
    const cause = this.#cause
    if (cause?.type === 'end') return this.#finish(cause.end)
    if (cause?.type === 'refused' && cause.refusal === 'unwritable') return this.#finish(endFor('store'))
    if (cause?.type === 'released') await this.#release()
    return undefined
  }

  #generate(cutFor?: Error): Promise<Ending> {
    this.#generation = new Generation({
      begin: (signal) => this.#begin(signal),
      take: (event) => {
        try {
          return this.#take(event)
        } catch (error) {
          // At once: whatever comes while its provider cleans up comes second.
          this.#fail(error)
          throw error
        }
      },
      stopTimeoutMs: this.#settings.stopTimeoutMs,
      ...(cutFor && { cutFor }),
    })
    return this.#generation.ending
  }

  /** Ends upstream what an earlier attempt left there; its provider knows it by the checkpoint. */
  async #clear(): Promise<void> {
    if (this.#provider) await this.#generate(new Error('The run was stopped'))
    else
      this.#settings.logger.warn(
        { run: this.id },
        'What a run left upstream may go on: its provider cannot be made here',
      )
  }

  #begin(signal: AbortSignal): AsyncIterable<unknown> {
    if (!this.#provider) throw failureFor('interrupted')
    return this.#provider()(this.#context(signal))
  }

  #context(signal: AbortSignal): RunContext {
    return {
      signal,
      runId: this.id,
      ...(this.#resumeFrom && { resumeFrom: this.#resumeFrom.value }),
      checkpoint: (value) => this.#keep(value),
      alive: () => this.#generation?.alive(),
    }
  }

  #keep(value: Json): void {
    const text = jsonText(value)
    if (text === undefined || Buffer.byteLength(text) > this.#checkpointBytes)
      throw failureFor('bad_checkpoint')
    this.#checkpoint = { value }
  }

  #take(event: unknown): Promise<void> | undefined {
    const text = jsonText(event)
    if (text === undefined) throw failureFor('not_json')
    this.#events++
    const at = this.#covered + this.#events
    const isNew = this.#events > this.#known
    const size = Buffer.byteLength(text)
    this.#bytes += size
    if (isNew) this.#checkLimits(size, at)
    const checkpoint = this.#checkpoint && encodeCheckpoint({ ...this.#checkpoint, at, bytes: this.#bytes })
    this.#checkpoint = undefined
    if (!isNew) return undefined
    this.#writer.push(text, size, checkpoint)
    return this.#writer.room()
  }

  /** Whether there is room for a record of so many bytes, which is the so many-th of the run. */
  #checkLimits(size: number, at: number): void {
    const { store, records, bytes } = this.#settings
    if (size > store.limits.recordBytes) throw failureFor('record_too_large')
    if (at > records) throw failureFor('records_exceeded')
    if (this.#bytes > bytes) throw failureFor('bytes_exceeded')
  }

  /** The provider ended first. */
  #decide(ending: Ending): void {
    if (ending.type === 'left')
      this.#settings.logger.warn({ run: this.id }, 'A provider did not end when its signal aborted')
    if (ending.type === 'threw') this.#fail(ending.error)
    this.#cause ??= { type: 'end', end: { status: 'completed' } }
  }

  #fail(err: unknown): void {
    if (this.#cause) return
    const end = endAfterError(err)
    const detail = upstreamDetail(err)
    this.#settings.logger.warn({ err, run: this.id, ...end, ...(detail && { detail }) }, 'A run failed')
    this.#cause = { type: 'end', end }
  }

  async #finish(end: RunEnd): Promise<RunEnd | undefined> {
    let kept = end
    const outcome = await this.#writer.finish((isLossy) => {
      // Its provider may have been done before the store refused what it yielded last: a part is not a whole.
      kept = isLossy && end.status === 'completed' ? endFor('store') : end
      return closingOf(this.#settings, this.id, this.#record, kept, this.#noteDue)
    })
    return outcome === 'ended' ? kept : undefined
  }

  /** Keeps what came, and hands the lease over. */
  async #release(): Promise<void> {
    await this.#writer.flush()
    try {
      await this.#lease.handOver()
    } catch (err) {
      this.#settings.logger.warn(
        { err, run: this.id },
        'A lease could not be handed over; it runs out by itself',
      )
    }
  }

  #refused(refusal: Refusal): void {
    this.#cut(
      { type: 'refused', refusal },
      refusal === 'moved' ? new RunMoved() : new Error(`The log is ${refusal}`),
    )
  }

  #end(end: RunEnd): void {
    this.#cut({ type: 'end', end }, new Error(end.message ?? 'The run was stopped'))
  }

  #cut(cause: Cause, reason: Error): void {
    // That the log refuses it is stronger than a release: there is nothing left to hand over.
    if (this.#cause && !(this.#cause.type === 'released' && cause.type === 'refused')) return
    this.#cause = cause
    this.#generation?.cut(reason)
  }
}

function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}
