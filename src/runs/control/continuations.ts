/** Finds out whether and how a run that another process began can be continued. */
import type { Json } from '../../protocol/json.ts'
import type { RunProvider } from '../../providers/provider.ts'
import { StoreError } from '../../streams/errors.ts'
import { providerOf } from '../start/checked-input.ts'
import type { Inputs } from '../start/inputs.ts'
import type { RunDefinition } from '../definition.ts'
import type { RunSettings } from '../options.ts'
import type { RunRecord } from '../records/run-record.ts'

/**
 * Most consecutive attempts that may die without a record, so that a run that kills its process does not kill every
 * process.
 */
const MAX_BARREN = 5
/** How often a run may begin anew. */
const MAX_RESTARTS = 5

/** How a run is continued. */
export interface Continuation extends Pick<RunDefinition, 'newAttempt'> {
  /** Makes its provider. */
  readonly provider: () => RunProvider
  /** Whether the provider continues from a checkpoint. Otherwise the run begins anew. */
  readonly resumable: boolean
}

/** Why `of` and `provider` returned undefined for a run, for the log. */
export function whyNoProvider({ kind }: RunRecord, kinds: RunSettings['kinds']): string {
  const known = kind === undefined ? undefined : kinds.get(kind)
  if (!known)
    return kind === undefined ? 'its provider existed only in its process' : 'its kind is unknown here'
  return known.resumable
    ? 'its input is lost, or its attempts ended too often without a record'
    : 'its kind is not resumable'
}

export class Continuations {
  readonly #settings: RunSettings
  readonly #inputs: Inputs

  constructor(settings: RunSettings, inputs: Inputs) {
    this.#settings = settings
    this.#inputs = inputs
  }

  /** Undefined when this process cannot continue the run. */
  async of(record: RunRecord, signal: AbortSignal): Promise<Continuation | undefined> {
    const kind = record.kind === undefined ? undefined : this.#settings.kinds.get(record.kind)
    if (!kind || record.barren >= MAX_BARREN) return undefined
    const newAttempt = (record.restarts ?? 0) < MAX_RESTARTS ? kind.newAttempt : undefined
    const { resumable = false } = kind
    if (!resumable && !newAttempt) return undefined
    const input = await this.#load(record, signal)
    if (input === undefined) return undefined
    return { provider: providerOf(kind, input), resumable, ...(newAttempt && { newAttempt }) }
  }

  /** Makes the provider of an ended run, to cancel its upstream work. Undefined when this process cannot. */
  async provider(record: RunRecord, signal: AbortSignal): Promise<(() => RunProvider) | undefined> {
    const kind = record.kind === undefined ? undefined : this.#settings.kinds.get(record.kind)
    const input = kind && (await this.#load(record, signal))
    return kind && input !== undefined ? providerOf(kind, input) : undefined
  }

  /** Damage is permanent: a run without its input ends, instead of being retried for ever. */
  async #load(record: RunRecord, signal: AbortSignal): Promise<Json | undefined> {
    try {
      return await this.#inputs.load(record, signal)
    } catch (error) {
      if (error instanceof StoreError && error.code === 'corrupt') return undefined
      throw error
    }
  }
}
