/** Keeps the inputs of runs: small ones in the run's metadata, large ones each in a stream of its own. */
import { Buffer } from 'node:buffer'
import type { Json } from '../../protocol/json.ts'
import { RunError } from '../errors.ts'
import { metadataShares } from '../options.ts'
import type { RunSettings } from '../options.ts'
import { newInputId } from '../records/run-ids.ts'
import type { RunRecord } from '../records/run-record.ts'

export type KeptInput = Pick<RunRecord, 'input'> | Pick<RunRecord, 'inputIn'>

export class Inputs {
  readonly #settings: RunSettings

  constructor(settings: RunSettings) {
    this.#settings = settings
  }

  /**
   * Keeps an input. Returns the fields for the run's record.
   *
   * @throws {RunError} `invalid_run` if the input is larger than a record may be.
   */
  async keep(input: Json, owner: string | undefined, signal: AbortSignal): Promise<KeptInput> {
    const { store, retentionMs } = this.#settings
    const text = JSON.stringify(input)
    const bytes = Buffer.byteLength(text)
    // A copy, because it is written again when the run ends and the caller may have changed its value by then.
    if (bytes <= metadataShares(store).input) return { input: JSON.parse(text) as Json }
    if (bytes > store.limits.recordBytes) {
      throw new RunError(
        'invalid_run',
        `The input of a run may have at most ${store.limits.recordBytes} bytes as JSON`,
      )
    }
    const inputIn = newInputId()
    const config = {
      records: [text],
      ...(owner !== undefined && { owner }),
      // The store's default retention must not trim it.
      retention: {},
      ...(retentionMs !== undefined && { ttlMs: retentionMs }),
    }
    await store.create(inputIn, config, signal)
    return { inputIn }
  }

  /** Deletes an input that no run was started from. */
  async forget(kept: KeptInput): Promise<void> {
    if ('inputIn' in kept && kept.inputIn !== undefined) await this.#settings.store.delete(kept.inputIn)
  }

  /** Returns the input of a run; undefined if it no longer exists. */
  async load({ input, inputIn }: RunRecord, signal: AbortSignal): Promise<Json | undefined> {
    if (inputIn === undefined) return input ?? null
    const page = await this.#settings.store.read(inputIn, 'start', { maxRecords: 1, signal })
    const [text] = page.outcome === 'page' ? page.records : []
    return typeof text === 'string' ? (JSON.parse(text) as Json) : undefined
  }
}
