/**
 * Takes what one attempt at a run yields: holds what comes again against the log, keeps what is new within its
 * limits, and writes it.
 */
import { Buffer } from 'node:buffer'
import type { Json } from '../../protocol/json.ts'
import type { Offset } from '../../protocol/offset.ts'
import type { Lease } from '../../streams/leases.ts'
import { checkpointValueBytes, encodeCheckpoint } from './checkpoint.ts'
import type { Checkpoint } from './checkpoint.ts'
import { failureFor } from '../end-reasons.ts'
import type { Ending } from '../generation/generation.ts'
import type { LogWriter } from './log-writer.ts'
import type { RunSettings } from '../options.ts'
import { Replay } from './replay.ts'

export interface IntakeOptions {
  readonly settings: RunSettings
  readonly writer: LogWriter
  readonly lease: Lease
  /** Where the attempt begins; undefined for the start of the log. */
  readonly checkpoint: Checkpoint | undefined
  /** The place after the last record that comes again; undefined where none does. */
  readonly tail: Offset | undefined
  /** Aborts when what is yielded is of no use any more. */
  readonly signal: AbortSignal
}

export class Intake {
  readonly #settings: RunSettings
  readonly #writer: LogWriter
  /** Undefined once nothing comes again. */
  #replay: Replay | undefined
  readonly #checkpointBytes: number
  /** Goes with the event that is yielded next. */
  #checkpoint: { readonly value: Json } | undefined
  /** Of the records of the run that are taken so far, whichever process wrote them. */
  #at: number
  #bytes: number
  #differs = false

  constructor({ settings, writer, lease, checkpoint, tail, signal }: IntakeOptions) {
    const { store, storePatienceMs: patienceMs } = settings
    this.#settings = settings
    this.#writer = writer
    this.#at = checkpoint?.at ?? 0
    this.#bytes = checkpoint?.bytes ?? 0
    const { stream: id } = lease
    this.#replay = tail && new Replay({ store, id, from: this.#at, to: tail, patienceMs, signal })
    this.#checkpointBytes = checkpointValueBytes(store)
  }

  /** Whether what came again is not what the log holds. Nothing new was taken then. */
  get differs(): boolean {
    return this.#differs
  }

  /** @throws {RunFailedError} `bad_checkpoint`. */
  keep(value: Json): void {
    const text = jsonText(value)
    if (text === undefined || Buffer.byteLength(text) > this.#checkpointBytes)
      throw failureFor('bad_checkpoint')
    this.#checkpoint = { value }
  }

  /**
   * What it returns is waited for before the next event. Throws, or rejects with, the `RunFailedError` of an event
   * that cannot be taken.
   */
  take(event: unknown): Promise<void> | undefined {
    const text = jsonText(event)
    if (text === undefined) throw failureFor('not_json')
    const size = Buffer.byteLength(text)
    if (this.#replay) {
      if (this.#replay.left > 0) return this.#compare(this.#replay, text, size)
      this.#replay = undefined
    }
    this.#at++
    this.#bytes += size
    this.#checkLimits(size)
    const checkpoint =
      this.#checkpoint && encodeCheckpoint({ ...this.#checkpoint, at: this.#at, bytes: this.#bytes })
    this.#checkpoint = undefined
    this.#writer.push(text, size, checkpoint)
    return this.#writer.room()
  }

  /** The provider says that it is whole. It is not when the log holds more. */
  finish(): Ending {
    return this.#replay && this.#replay.left > 0
      ? { type: 'threw', error: this.#difference() }
      : { type: 'whole' }
  }

  /** Passes over what is still to come again; resolves to a checkpoint behind all that the log holds. */
  async skip(): Promise<Checkpoint> {
    const replay = this.#replay
    if (!replay) return { at: this.#at, bytes: this.#bytes }
    const at = this.#at + replay.left
    const bytes = this.#bytes + (await this.#read(() => replay.skip()))
    return { at, bytes }
  }

  #compare(replay: Replay, text: string, size: number): Promise<void> | undefined {
    this.#checkpoint = undefined
    const same = replay.takes(text)
    if (typeof same === 'boolean') return this.#compared(same, size)
    return this.#read(async () => this.#compared(await same, size))
  }

  #compared(same: boolean, size: number): undefined {
    if (!same) throw this.#difference()
    this.#at++
    this.#bytes += size
  }

  #difference(): Error {
    this.#differs = true
    return failureFor('replay_differs')
  }

  /** What the log cannot tell any more is a failure of the store. */
  async #read<T>(reading: () => Promise<T>): Promise<T> {
    try {
      return await reading()
    } catch (error) {
      throw this.#differs ? error : failureFor('store', { cause: error })
    }
  }

  /** Whether there is room for a record of so many bytes. */
  #checkLimits(size: number): void {
    const { store, records, bytes } = this.#settings
    if (size > store.limits.recordBytes) throw failureFor('record_too_large')
    if (this.#at > records) throw failureFor('records_exceeded')
    if (this.#bytes > bytes) throw failureFor('bytes_exceeded')
  }
}

/** As JSON; undefined for what JSON cannot carry. */
function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}
