/**
 * One stream that a producer in this process fills, under a lease: from its creation to its end.
 *
 * What cannot be written ends it as failed: a gap in the log would be worse than an end. Where even that
 * cannot be written, its lease is not renewed any more, and whoever reads it ends it.
 */
import { writeRunEnd } from '../protocol/run-end.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import { endFor } from '../runs/end-reasons.ts'
import { LogWriter } from '../runs/log/log-writer.ts'
import type { WriteRefusal } from '../runs/log/log-writer.ts'
import type { Lease } from '../streams/leases.ts'
import type { StreamRecord } from '../streams/stream.ts'
import type { AdapterSettings } from './settings.ts'

/** Bytes that wait for the store before a producer waits. */
const HIGH_WATER_MARK = 256 * 1024
/** How long a store that is full, locked or away is waited for. */
const PATIENCE_MS = 30_000

export class Filling {
  readonly id: string
  readonly incarnation: string
  /** Resolves when nothing more is written. */
  readonly over: Promise<void>
  readonly #settings: AdapterSettings
  readonly #ttlMs: number
  readonly #lease: Lease
  readonly #writer: LogWriter
  readonly #over = Promise.withResolvers<void>()
  #writtenAt: number
  #refusal: WriteRefusal | undefined
  /** Records enter the writer in the order of the calls, also when some wait for room. */
  #turn: Promise<void> = Promise.resolve()
  #ending: Promise<'ended' | WriteRefusal> | undefined

  constructor(settings: AdapterSettings, lease: Lease, ttlMs: number) {
    const { store, logger } = settings
    this.id = lease.stream
    this.incarnation = lease.incarnation
    this.#settings = settings
    this.#ttlMs = ttlMs
    this.#writtenAt = settings.monotonic()
    this.over = this.#over.promise
    this.#lease = lease
    this.#writer = new LogWriter({
      store,
      lease,
      logger,
      highWaterMark: HIGH_WATER_MARK,
      patienceMs: PATIENCE_MS,
      onRefused: (refusal) => this.#refused(refusal),
    })
  }

  /** Whether its end was asked for. */
  get isEnding(): boolean {
    return this.#ending !== undefined
  }

  /** Whether nothing was written for as long as the stream is kept: then its time is over. */
  get isSilent(): boolean {
    return this.#settings.monotonic() - this.#writtenAt >= this.#ttlMs
  }

  /** Resolves when the record of so many bytes is durable, or to why it never will be. Never rejects. */
  async write(record: StreamRecord, bytes: number): Promise<WriteRefusal | undefined> {
    if (this.#ending) return 'closed'
    this.#writtenAt = this.#settings.monotonic()
    this.#turn = this.#turn.then(() => this.#push(record, bytes))
    const refusal = await this.flush()
    if (!refusal && this.#ttlMs < this.#settings.leaseTtlMs) await this.#renewNow()
    return refusal
  }

  /** Resolves when all that was written is durable, or to why it is not. Never rejects. */
  async flush(): Promise<WriteRefusal | undefined> {
    await this.#turn
    return this.#writer.flush()
  }

  /** Ends the stream behind what was written. The first call decides how; each is told what became of it. Never rejects. */
  end(end: RunEnd): Promise<'ended' | WriteRefusal> {
    this.#ending ??= this.#end(end)
    return this.#ending
  }

  /** Holds the lease for its length from now. Rejects as the store does. */
  async renew(signal: AbortSignal): Promise<void> {
    // A lease that is lost shows itself to the next write, which says what became of the stream.
    await this.#settings.store.leases.renew(this.#lease, signal)
  }

  /** From now on a store that fails is not waited for. */
  hurry(): void {
    this.#writer.hurry()
  }

  async #push(record: StreamRecord, bytes: number): Promise<void> {
    for (let room = this.#writer.room(); room; room = this.#writer.room()) await room
    this.#writer.push(record, bytes, undefined)
  }

  async #end(end: RunEnd): Promise<'ended' | WriteRefusal> {
    await this.#turn
    const outcome = await this.#writer.finish((isLossy) => ({
      records: [],
      end: writeRunEnd(isLossy ? endFor('store') : end),
    }))
    if (outcome !== 'ended') this.#refused(outcome)
    this.#over.resolve()
    return this.#refusal ?? outcome
  }

  /** A short life is over before the next renewal. What fails shows itself to the next write. */
  async #renewNow(): Promise<void> {
    try {
      await this.renew(AbortSignal.timeout(this.#settings.leaseTtlMs))
    } catch (err) {
      this.#settings.logger.debug({ err, stream: this.id }, 'the lease of a stream could not be renewed')
    }
  }

  #refused(refusal: WriteRefusal): void {
    if (this.#refusal) return
    this.#refusal = refusal
    this.#settings.logger.warn({ stream: this.id, refusal }, 'a stream is not filled any further')
    this.#over.resolve()
    if (refusal === 'unwritable') void this.end(endFor('store'))
  }
}
