/** Starts runs. The start that creates the stream works on the run; every other start gets the existing run. */
import { isDeepStrictEqual } from 'node:util'
import type { Json } from '../../protocol/json.ts'
import { StoreError } from '../../streams/errors.ts'
import type { LeaseRequest } from '../../streams/leases.ts'
import type { CreateResult, StreamConfig } from '../../streams/store.ts'
import type { StreamInfo } from '../../streams/stream.ts'
import type { ChatIndex } from '../records/chat-index.ts'
import { RunError } from '../errors.ts'
import { providerOf } from './checked-input.ts'
import type { Inputs, KeptInput } from './inputs.ts'
import type { Assignment } from '../local/assignment.ts'
import type { LocalRun } from '../local/local-run.ts'
import type { Mailbox } from '../control/mailbox.ts'
import { metadataShares } from '../options.ts'
import type { RunSettings } from '../options.ts'
import type { ProcessLimit } from './process-limit.ts'
import { OwnerLimit } from './owner-limit.ts'
import type { Admission } from './owner-limit.ts'
import { encodeRunRecord, readRunRecord, sizeOfRunRecord } from '../records/run-record.ts'
import type { RunRecord } from '../records/run-record.ts'
import { checkKind } from './start-request.ts'
import type { AskedStart, CheckedStart } from './start-request.ts'

export interface RunStarterOptions {
  readonly chats: ChatIndex
  readonly inputs: Inputs
  readonly mailbox: Mailbox
  readonly adopt: (assignment: Assignment) => LocalRun
  readonly places: ProcessLimit
  /** Called before a run is started that passed its check. */
  readonly opened: () => void
  /** Aborts when this process starts no more runs. */
  readonly closed: AbortSignal
}

/** A run that was started, or that existed already. */
export interface StartedRun {
  readonly info: StreamInfo
  readonly record: RunRecord
  /** Only if this call started it. */
  readonly settled?: LocalRun['settled']
}

export class RunStarter {
  readonly #settings: RunSettings
  readonly #options: RunStarterOptions
  readonly #limit: OwnerLimit
  readonly #starting = new Map<string, Promise<StartedRun>>()
  /** By id, the starts that were asked for here, from the check of their input on. */
  readonly #asked = new Map<string, Set<Promise<StartedRun>>>()

  constructor(settings: RunSettings, options: RunStarterOptions) {
    this.#settings = settings
    this.#options = options
    this.#limit = new OwnerLimit(settings)
  }

  has(id: string): boolean {
    return this.#starting.has(id)
  }

  /** Resolves when no start of this run is in progress, nor is its input being checked. */
  async started(id: string): Promise<void> {
    for (let asked = this.#asked.get(id); asked; asked = this.#asked.get(id)) {
      await Promise.allSettled(asked)
    }
  }

  /** Resolves when no start is in progress. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#starting.values())
  }

  /**
   * Checks a start and starts its run, or finds the run of this id.
   *
   * @throws {RunError} as `Runs.start`.
   */
  async start(asked: AskedStart, retryOf?: string): Promise<StartedRun> {
    const { id } = asked
    const start = this.#checkAndStart(asked, retryOf)
    const all = this.#asked.get(id) ?? new Set()
    this.#asked.set(id, all.add(start))
    try {
      return await start
    } finally {
      all.delete(start)
      if (all.size === 0) this.#asked.delete(id)
    }
  }

  async #checkAndStart(asked: AskedStart, retryOf: string | undefined): Promise<StartedRun> {
    const checked = await this.#check(asked)
    if ('info' in checked) return checked
    this.#options.opened()
    return this.#startWithPlace(checked, retryOf)
  }

  /**
   * Checks a start against its kind. Resolves to the run of an earlier start that asked the same, where this one would
   * be refused: sent again, it may have come to a process of another version than the one that started the run.
   *
   * @throws {RunError} `unknown_kind`, `invalid_input`, `input_undecided`, `run_conflict`, `run_differs`.
   */
  async #check(asked: AskedStart): Promise<CheckedStart | StartedRun> {
    try {
      return await checkKind(asked, this.#settings.kinds, this.#options.closed)
    } catch (refusal) {
      const there = await this.#find(asked)
      if (!there) throw refusal
      return there
    }
  }

  async #find(start: AskedStart): Promise<StartedRun | undefined> {
    const there = start.isNewId ? undefined : await this.#settings.store.head(start.id, this.#options.closed)
    return there && sameRun(start, there)
  }

  async #startWithPlace(start: CheckedStart, retryOf: string | undefined): Promise<StartedRun> {
    let leave = (): void => {}
    try {
      leave = this.#options.places.take()
    } catch (error) {
      // A start that is sent again finds its run, and needs no second place.
      if (start.isNewId || !(await this.#settings.store.head(start.id, this.#options.closed))) throw error
    }
    try {
      return await this.#startOnce(start, retryOf)
    } finally {
      leave()
    }
  }

  async #startOnce(start: CheckedStart, retryOf: string | undefined): Promise<StartedRun> {
    // No await may come between the last check and the entry below.
    for (let other = this.#starting.get(start.id); other; other = this.#starting.get(start.id)) {
      await other.catch(() => undefined)
    }
    this.#options.closed.throwIfAborted()
    const { id, owner } = start
    const starting = this.#limit
      .within(owner, id, this.#options.closed, (admission) => this.#create(start, retryOf, admission))
      .finally(() => this.#starting.delete(id))
    this.#starting.set(id, starting)
    return starting
  }

  async #create(start: CheckedStart, retryOf: string | undefined, admission: Admission): Promise<StartedRun> {
    const { store, holder, leaseTtlMs, retentionMs } = this.#settings
    const { inputs, mailbox, closed } = this.#options
    const { id, owner, source } = start
    const there = await this.#find(start)
    if (there) return there
    await mailbox.open()
    const kept = 'kind' in source ? await inputs.keep(source.input, owner, closed) : {}
    const record = newRecord(start, kept, retryOf)
    if (sizeOfRunRecord(record) > metadataShares(store).start) {
      await inputs.forget(kept)
      const most = metadataShares(store).start
      throw new RunError('invalid_run', `A run's chat and metadata may have about ${most} bytes as JSON`)
    }
    const creating = this.#createStream(id, {
      metadata: encodeRunRecord(record),
      lease: { holder, ttlMs: leaseTtlMs },
      ...(owner !== undefined && { owner }),
      ...(retentionMs !== undefined && { ttlMs: retentionMs }),
    })
    const [result] = await Promise.all([creating, this.#index(start)])
    if (result.outcome !== 'created' || !result.lease) {
      if (!('info' in result)) {
        await inputs.forget(kept)
        throw new RunError('run_conflict')
      }
      // The existing stream may be this very run, taken over by another process.
      if (readRunRecord(result.info)?.inputIn !== record.inputIn) await inputs.forget(kept)
      return sameRun(start, result.info)
    }
    try {
      await admission()
    } catch (error) {
      const { incarnation } = result.info
      await Promise.all([store.delete(id, undefined, incarnation), inputs.forget(kept)])
      throw error
    }
    const run = this.#options.adopt({
      lease: result.lease,
      owner,
      record,
      checkpoint: undefined,
      tail: result.info.tail,
      takenOver: false,
      resumable: 'kind' in source && source.of.resumable === true,
      ...('kind' in source && source.of.newAttempt && { newAttempt: source.of.newAttempt }),
      provider:
        'kind' in source ? providerOf(source.of, source.input, source.checked) : () => source.provider,
    })
    return { info: result.info, record, settled: run.settled }
  }

  /**
   * Creates the stream of a run. A store that was unavailable may have created it nevertheless; a second request
   * tells. If that fails too, the start fails. A stream that was created then, or is created later, is a run without
   * a process, as if its process had died.
   */
  async #createStream(
    id: string,
    config: StreamConfig & { readonly lease: LeaseRequest },
  ): Promise<CreateResult> {
    const { store } = this.#settings
    // Has no signal: a stream that was created unnoticed would belong to no process for the length of a lease.
    try {
      return await store.create(id, config)
    } catch (error) {
      // With any other code, nothing was created.
      if (!(error instanceof StoreError) || error.code !== 'unavailable') throw error
    }
    const again = await store.create(id, config)
    // The metadata of another start differs, at least in its start time.
    if (again.outcome !== 'exists' || !isDeepStrictEqual(again.info.metadata, config.metadata)) return again
    const taken = await store.leases.acquire(id, config.lease)
    if (taken.outcome === 'acquired') return { ...taken, outcome: 'created' }
    const isOurs = taken.outcome === 'held' && taken.lease.holder === config.lease.holder
    return isOurs ? { outcome: 'created', info: again.info, lease: taken.lease } : again
  }

  /** Lists the run in its chat, in the same commit where a store groups them. If that fails, the run goes on unlisted. */
  async #index({ id, chat, owner }: CheckedStart): Promise<void> {
    if (chat === undefined) return
    try {
      await this.#options.chats.add(chat, owner, id, this.#options.closed)
    } catch (err) {
      this.#settings.logger.warn({ err, run: id }, 'run could not be listed in its chat')
    }
  }
}

function newRecord(
  { chat, metadata, source, asked }: CheckedStart,
  kept: KeptInput,
  retryOf?: string,
): RunRecord {
  return {
    startedAt: Date.now(),
    attempt: 1,
    attemptAt: 0,
    barren: 0,
    ...(chat !== undefined && { chat }),
    ...(metadata !== undefined && { metadata: copyOf(metadata) }),
    ...('kind' in source && { kind: source.kind }),
    ...kept,
    ...(asked !== undefined && { asked }),
    ...(retryOf !== undefined && { retryOf }),
  }
}

/** Copies the metadata: it is written again when the run ends, and the caller may have changed its value by then. */
function copyOf(metadata: Json): Json {
  return JSON.parse(JSON.stringify(metadata)) as Json
}

/**
 * Returns the existing run.
 *
 * @throws {RunError} `run_conflict` if the stream is not a run, or has another owner or chat; `run_differs` if the
 * run was asked something else.
 */
function sameRun(start: AskedStart, info: StreamInfo): StartedRun {
  const record = readRunRecord(info)
  if (!record || info.owner !== start.owner || record.chat !== start.chat) throw new RunError('run_conflict')
  const isSame = record.asked === undefined || start.asked === undefined || record.asked === start.asked
  if (!isSame) throw new RunError('run_differs')
  return { info, record }
}
