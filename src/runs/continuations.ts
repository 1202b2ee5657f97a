/** What is needed to go on with a run that another process began. */
import type { Json } from '../protocol/json.ts'
import type { RunProvider } from '../providers/provider.ts'
import { StoreError } from '../streams/errors.ts'
import type { Inputs } from './inputs.ts'
import type { RunSettings } from './options.ts'
import type { RunRecord } from './run-record.ts'

/** Attempts that may die in a row without a record: a run that kills its process does not kill them all. */
const MAX_BARREN = 5

export class Continuations {
  readonly #settings: RunSettings
  readonly #inputs: Inputs

  constructor(settings: RunSettings, inputs: Inputs) {
    this.#settings = settings
    this.#inputs = inputs
  }

  /** What makes the run's provider again; undefined when it cannot be continued, here or by this attempt. */
  async of(record: RunRecord, signal: AbortSignal): Promise<(() => RunProvider) | undefined> {
    const kind = record.kind === undefined ? undefined : this.#settings.kinds.get(record.kind)
    if (!kind?.resumable || record.barren >= MAX_BARREN) return undefined
    const input = await this.#load(record, signal)
    return input === undefined ? undefined : () => kind.provider(input)
  }

  /** What is damaged stays so: without its input a run ends, rather than never. */
  async #load(record: RunRecord, signal: AbortSignal): Promise<Json | undefined> {
    try {
      return await this.#inputs.load(record, signal)
    } catch (error) {
      if (error instanceof StoreError && error.code === 'corrupt') return undefined
      throw error
    }
  }
}
