/** What is needed to go on with a run that another process began. */
import type { Json } from '../../protocol/json.ts'
import type { RunProvider } from '../../providers/provider.ts'
import { StoreError } from '../../streams/errors.ts'
import { providerOf } from '../start/checked-input.ts'
import type { Inputs } from '../start/inputs.ts'
import type { RunDefinition } from '../definition.ts'
import type { RunSettings } from '../options.ts'
import type { RunRecord } from '../records/run-record.ts'

/** Attempts that may die in a row without a record: a run that kills its process does not kill them all. */
const MAX_BARREN = 5
/** Times that a run begins anew. */
const MAX_RESTARTS = 5

/** How a run goes on. */
export interface Continuation extends Pick<RunDefinition, 'newAttempt'> {
  /** Makes its provider. */
  readonly provider: () => RunProvider
  /** Whether the provider goes on from a checkpoint; otherwise the run begins anew. */
  readonly resumable: boolean
}

/** Why `of` and `provider` found none for a run, for the log. */
export function whyNoProvider({ kind }: RunRecord, kinds: RunSettings['kinds']): string {
  const known = kind === undefined ? undefined : kinds.get(kind)
  if (!known) return kind === undefined ? 'its provider was its process’s own' : 'its kind is not known here'
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

  /** Undefined when the run cannot go on, here or by this attempt. */
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

  /** Makes the provider of a run that has ended, to cancel what it left upstream; undefined when nobody can here. */
  async provider(record: RunRecord, signal: AbortSignal): Promise<(() => RunProvider) | undefined> {
    const kind = record.kind === undefined ? undefined : this.#settings.kinds.get(record.kind)
    const input = kind && (await this.#load(record, signal))
    return kind && input !== undefined ? providerOf(kind, input) : undefined
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
