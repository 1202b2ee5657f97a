/**
 * Writes records to one stream as the holder of its lease: the records of a run, or of another producer.
 *
 * One append is in flight at a time. Records that come meanwhile go into the next append together: no record is held
 * back, and a slow store gets few and large appends. Appends are not aborted, because it would be unknown whether an
 * aborted one was written. A failed append is sent again unchanged, with the same seq, so that it is written once.
 */
import { Buffer } from 'node:buffer'
import type { Logger } from '../../logging/logger.ts'
import type { Json } from '../../protocol/json.ts'
import { LEASE_PRODUCER } from '../../streams/leases.ts'
import type { Lease } from '../../streams/leases.ts'
import type { AppendRequest, AppendResult, StreamStore } from '../../streams/store.ts'
import type { StreamRecord } from '../../streams/stream.ts'
import { patiently } from '../../streams/patience.ts'

/** Why nothing more can be written. */
export type WriteRefusal =
  /** Another process took the lease over. */
  | 'moved'
  /** The stream was deleted, or its time is over. */
  | 'gone'
  /** The process that took the lease over has closed the stream. */
  | 'closed'
  /** The store failed for longer than the patience. */
  | 'unwritable'

/** How a log is closed: its last records, its end, and metadata that is not written yet. */
export interface Closing {
  readonly records: readonly StreamRecord[]
  readonly end: Json
  /** What the close leaves owed. */
  readonly owes?: Json
  readonly metadata?: Json
}

export interface LogWriterOptions {
  readonly store: StreamStore
  readonly lease: Lease
  readonly logger: Logger
  readonly highWaterMark: number
  readonly patienceMs: number
  /** Called once. */
  readonly onRefused: (refusal: WriteRefusal) => void
}

export class LogWriter {
  readonly #options: LogWriterOptions
  readonly #maxRecords: number
  readonly #mark: number
  readonly #hurry = new AbortController()
  #seq = 0
  #waiting: StreamRecord[] = []
  #waitingBytes = 0
  /** The checkpoint of the waiting records, written with them. */
  #checkpoint: Json | undefined
  #pumping: Promise<void> | undefined
  #room: PromiseWithResolvers<void> | undefined
  #finishing = false
  /** Records pushed after `hold`. */
  #held: { readonly record: StreamRecord; readonly bytes: number }[] | undefined
  #refusal: WriteRefusal | undefined
  /** Whether an append with the present seq may have been written although it failed. */
  #inDoubt = false

  constructor(options: LogWriterOptions) {
    this.#options = options
    const { appendRecords, appendBytes, recordBytes } = options.store.limits
    this.#maxRecords = appendRecords
    // Below the mark, one more record always fits into the same append.
    this.#mark = Math.max(1, Math.min(options.highWaterMark, appendBytes - recordBytes))
  }

  /** Undefined while there is room. Otherwise resolves when there is, or when nothing more will be written. */
  room(): Promise<void> | undefined {
    const full = this.#waitingBytes >= this.#mark || this.#waiting.length >= this.#maxRecords
    if (!full || this.#refusal || this.#finishing) return undefined
    this.#room ??= Promise.withResolvers()
    return this.#room.promise
  }

  /** Takes a record, its size in bytes, and a checkpoint that covers it and all records before. */
  push(record: StreamRecord, bytes: number, checkpoint: Json | undefined): void {
    if (this.#refusal || this.#finishing) return
    if (this.#held) {
      this.#held.push({ record, bytes })
      return
    }
    this.#waiting.push(record)
    this.#waitingBytes += bytes
    this.#checkpoint = checkpoint ?? this.#checkpoint
    this.#pumping ??= this.#pump()
  }

  /**
   * Records pushed from now on are written only with the end. They belong to it: if this process died before the end,
   * they would be in the way of the process that continues the run.
   */
  hold(): void {
    this.#held ??= []
  }

  /**
   * Writes something beside the pushed records, before the first of them. Resolves to the refusal, if there was one.
   */
  async note(
    request: Pick<AppendRequest, 'records' | 'metadata' | 'checkpoint'>,
  ): Promise<WriteRefusal | undefined> {
    await this.#append(request)
    return this.#refusal
  }

  /** Resolves when all pushed records are written, or to the refusal. */
  async flush(): Promise<WriteRefusal | undefined> {
    await this.#pumping
    return this.#refusal
  }

  /**
   * Writes the waiting records and closes the stream, in one step. `how` is called once it is known whether pushed
   * records are lost.
   */
  async finish(how: (isLossy: boolean) => Closing): Promise<'ended' | WriteRefusal> {
    this.#finishing = true
    await this.#pumping
    for (const { record, bytes } of this.#held ?? []) {
      if (!this.#refusal && !this.#fits([record])) await this.#append(this.#take())
      if (this.#refusal) break
      this.#waiting.push(record)
      this.#waitingBytes += bytes
    }
    let closing = this.#refusal ? undefined : how(false)
    if (closing && !this.#fits(closing.records)) await this.#append(this.#take())
    // A store that failed is tried once more: a close is small, and may fit where many records did not.
    if (this.#refusal === 'unwritable') this.hurry()
    else if (this.#refusal) return this.#refusal
    const { records = [] } = this.#refusal ? {} : this.#take()
    if (!closing || this.#refusal) closing = how(true)
    const all = [...records, ...closing.records]
    return (await this.#close({ ...closing, records: all, close: true })) ?? 'ended'
  }

  /** From now on, a failing store is not waited for. */
  hurry(): void {
    this.#hurry.abort()
  }

  async #pump(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#refusal && !this.#finishing) await this.#append(this.#take())
    this.#pumping = undefined
    this.#makeRoom()
  }

  #take(): AppendRequest {
    const records = this.#waiting
    const checkpoint = this.#checkpoint === undefined ? {} : { checkpoint: this.#checkpoint }
    this.#waiting = []
    this.#waitingBytes = 0
    this.#checkpoint = undefined
    this.#makeRoom()
    return { records, ...checkpoint }
  }

  #makeRoom(): void {
    this.#room?.resolve()
    this.#room = undefined
  }

  /** Whether these records fit into one append with the waiting ones. */
  #fits(records: readonly StreamRecord[]): boolean {
    const { appendRecords, appendBytes } = this.#options.store.limits
    const bytes = records.reduce((sum, record) => sum + Buffer.byteLength(record), this.#waitingBytes)
    return this.#waiting.length + records.length <= appendRecords && bytes <= appendBytes
  }

  async #append(request: AppendRequest): Promise<void> {
    try {
      const result = await this.#send(request)
      if (result.outcome === 'appended' || result.outcome === 'duplicate') this.#seq++
      else this.#refuse(this.#refusalOf(result))
    } catch (error) {
      this.#failed(error)
    }
  }

  async #close(request: AppendRequest): Promise<WriteRefusal | undefined> {
    try {
      let result = await this.#send(request)
      if (result.outcome === 'duplicate' && !result.closed && this.#inDoubt) {
        // The previous append, which seemed to fail, was written under this seq after all.
        this.#seq++
        result = await this.#send(request)
      }
      const ended = result.outcome === 'appended' || (result.outcome === 'duplicate' && result.closed)
      return ended ? undefined : this.#refusalOf(result)
    } catch (error) {
      this.#log(error)
      return 'unwritable'
    }
  }

  async #send(request: AppendRequest): Promise<AppendResult> {
    const { store, lease, patienceMs } = this.#options
    const { stream, incarnation, epoch } = lease
    const producer = { id: LEASE_PRODUCER, epoch, seq: this.#seq }
    const send = (): Promise<AppendResult> => store.append(stream, { ...request, producer, incarnation })
    return patiently(send, patienceMs, this.#hurry.signal)
  }

  #refusalOf(result: AppendResult): WriteRefusal {
    switch (result.outcome) {
      case 'fenced':
        return 'moved'
      case 'missing':
        return 'gone'
      case 'closed':
        return 'closed'
      case 'gap':
        // The store has lost appends that it had acknowledged. Writing on would leave a gap.
        this.#log(new Error(`The store has lost records: it expects seq ${result.expectedSeq}`))
        this.#seq = result.expectedSeq
        return 'unwritable'
      default:
        this.#log(new Error(`The store answered an append with ${result.outcome}`))
        return 'unwritable'
    }
  }

  #failed(error: unknown): void {
    this.#inDoubt = true
    this.#log(error)
    this.#refuse('unwritable')
  }

  #refuse(refusal: WriteRefusal): void {
    this.#refusal = refusal
    this.#waiting = []
    this.#waitingBytes = 0
    this.#options.onRefused(refusal)
  }

  #log(error: unknown): void {
    const { logger, lease } = this.#options
    logger.error({ err: error, run: lease.stream }, 'records of a run could not be written')
  }
}
