/**
 * Takes the events of one attempt at a run: compares replayed events with the log, checks new ones against the
 * limits, and writes them.
 */
import { Buffer } from 'node:buffer'
import { described } from '../../protocol/described.ts'
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
  /** The place after the last record to be replayed; undefined if there is none. */
  readonly tail: Offset | undefined
  /** Aborts when events are no longer needed. */
  readonly signal: AbortSignal
}

export class Intake {
  readonly #settings: RunSettings
  readonly #writer: LogWriter
  /** Undefined once the replay is over. */
  #replay: Replay | undefined
  readonly #checkpointBytes: number
  /** Written with the next event. */
  #checkpoint: { readonly value: Json } | undefined
  /** Number and bytes of the run's records so far, whichever process wrote them. */
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

  /** Whether a replayed event differed from the log. No new event was taken then. */
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
   * Takes an event; await the result before the next one. Throws, or rejects with, the `RunFailedError` of an event
   * that cannot be taken.
   */
  take(event: unknown): Promise<void> | undefined {
    const text = jsonText(event)
    if (text === undefined) throw failureFor('not_json', { cause: new TypeError(whyNotJson(event)) })
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

  /** Called when the provider finished. It has not if the log holds more records. */
  finish(): Ending {
    return this.#replay && this.#replay.left > 0
      ? { type: 'threw', error: this.#difference() }
      : { type: 'whole' }
  }

  /** Skips the rest of the replay. Resolves to a checkpoint after all records of the log. */
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

  /** Turns a failed read of the log into a failure of the store. */
  async #read<T>(reading: () => Promise<T>): Promise<T> {
    try {
      return await reading()
    } catch (error) {
      throw this.#differs ? error : failureFor('store', { cause: error })
    }
  }

  /** @throws {RunFailure} if there is no room for a record of this size. */
  #checkLimits(size: number): void {
    const { store, records, bytes } = this.#settings
    if (size > store.limits.recordBytes) throw failureFor('record_too_large')
    if (this.#at > records) throw failureFor('records_exceeded')
    if (this.#bytes > bytes) throw failureFor('bytes_exceeded')
  }
}

/** The value as JSON; undefined for what JSON cannot represent. */
function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

/** For the log: a client is told that it is so, and nothing of what it is. */
function whyNotJson(event: unknown): string {
  const what = `The run yielded ${described(event)}, which JSON cannot hold`
  try {
    JSON.stringify(event)
    return what
  } catch (error) {
    return `${what}: ${error instanceof Error ? error.message : String(error)}`
  }
}
