/** The inputs of runs: small ones lie in the run's metadata, large ones in a stream of their own. */
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
   * Keeps an input; returns what the run's record says of it.
   *
   * @throws {RunError} `invalid_run` for an input larger than a record may be.
   */
  async keep(input: Json, owner: string | undefined, signal: AbortSignal): Promise<KeptInput> {
    const { store, retentionMs } = this.#settings
    const text = JSON.stringify(input)
    const bytes = Buffer.byteLength(text)
    // A copy: it is written again when the run ends, whatever the caller does to what it gave.
    if (bytes <= metadataShares(store).input) return { input: JSON.parse(text) as Json }
    if (bytes > store.limits.recordBytes) {
      throw new RunError(
        'invalid_run',
        `The input of a run may have ${store.limits.recordBytes} bytes as JSON`,
      )
    }
    const inputIn = newInputId()
    const config = {
      records: [text],
      ...(owner !== undefined && { owner }),
      // Whole, whatever the store keeps of other streams.
      retention: {},
      ...(retentionMs !== undefined && { ttlMs: retentionMs }),
    }
    await store.create(inputIn, config, signal)
    return { inputIn }
  }

  /** Forgets an input that no run was started from. */
  async forget(kept: KeptInput): Promise<void> {
    if ('inputIn' in kept && kept.inputIn !== undefined) await this.#settings.store.delete(kept.inputIn)
  }

  /** The input of a run; undefined when it is not there any more. */
  async load({ input, inputIn }: RunRecord, signal: AbortSignal): Promise<Json | undefined> {
    if (inputIn === undefined) return input ?? null
    const page = await this.#settings.store.read(inputIn, 'start', { maxRecords: 1, signal })
    const [text] = page.outcome === 'page' ? page.records : []
    return typeof text === 'string' ? (JSON.parse(text) as Json) : undefined
  }
}
