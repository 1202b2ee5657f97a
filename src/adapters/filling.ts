/**
 * One stream that a producer in this process fills under a lease, from its creation to its end.
 *
 * A failed write ends it as failed: a gap in the log would be worse. If even the end cannot be written, the lease is
 * no longer renewed, and a reader ends the stream.
 */
import { writeRunEnd } from '../protocol/run-end.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import { endFor } from '../runs/end-reasons.ts'
import { LogWriter } from '../runs/log/log-writer.ts'
import type { WriteRefusal } from '../runs/log/log-writer.ts'
import type { Lease } from '../streams/leases.ts'
import type { StreamRecord } from '../streams/stream.ts'
import type { AdapterSettings } from './settings.ts'

/** Bytes that wait for the store before the producer waits. */
const HIGH_WATER_MARK = 256 * 1024
/** How long a store that is full, locked or unavailable is waited for. */
const PATIENCE_MS = 30_000

export class Filling {
  readonly id: string
  readonly incarnation: string
  /** Resolves when nothing more will be written. */
  readonly over: Promise<void>
  readonly #settings: AdapterSettings
  readonly #ttlMs: number
  readonly #lease: Lease
  readonly #writer: LogWriter
  readonly #over = Promise.withResolvers<void>()
  #writtenAt: number
  #refusal: WriteRefusal | undefined
  /** Records enter the writer in the order of the calls, even when some wait for room. */
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

  /** Whether its end was requested. */
  get isEnding(): boolean {
    return this.#ending !== undefined
  }

  /** Whether nothing was written for its whole TTL, so that it has expired. */
  get isSilent(): boolean {
    return this.#settings.monotonic() - this.#writtenAt >= this.#ttlMs
  }

  /** Writes a record of this many bytes. Resolves when it is durable, or to the refusal. Never rejects. */
  async write(record: StreamRecord, bytes: number): Promise<WriteRefusal | undefined> {
    if (this.#ending) return 'closed'
    this.#writtenAt = this.#settings.monotonic()
    this.#turn = this.#turn.then(() => this.#push(record, bytes))
    const refusal = await this.flush()
    if (!refusal && this.#ttlMs < this.#settings.leaseTtlMs) await this.#renewNow()
    return refusal
  }

  /** Resolves when all records are durable, or to the refusal. Never rejects. */
  async flush(): Promise<WriteRefusal | undefined> {
    await this.#turn
    return this.#writer.flush()
  }

  /**
   * Ends the stream after the written records. The first call decides the end; every call gets the result. Never
   * rejects.
   */
  end(end: RunEnd): Promise<'ended' | WriteRefusal> {
    this.#ending ??= this.#end(end)
    return this.#ending
  }

  /** Renews the lease for its length from now. Rejects as the store does. */
  async renew(signal: AbortSignal): Promise<void> {
    // The next write finds out about a lost lease, and what became of the stream.
    await this.#settings.store.leases.renew(this.#lease, signal)
  }

  /** From now on, a failing store is not waited for. */
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

  /** A short lease expires before the next regular renewal. The next write finds out about a failure. */
  async #renewNow(): Promise<void> {
    try {
      await this.renew(AbortSignal.timeout(this.#settings.leaseTtlMs))
    } catch (err) {
      this.#settings.logger.debug({ err, stream: this.id }, 'lease of a stream could not be renewed')
    }
  }

  #refused(refusal: WriteRefusal): void {
    if (this.#refusal) return
    this.#refusal = refusal
    this.#settings.logger.warn({ stream: this.id, refusal }, 'stream is no longer filled')
    this.#over.resolve()
    if (refusal === 'unwritable') void this.end(endFor('store'))
  }
}
