/**
 * Runs: generations that do not depend on their readers. The provider runs on the server and its events go to the log
 * of a stream, which readers follow. A reader that leaves ends no run. See docs/runs.md.
 */
import type { RunEnd } from '../protocol/run-end.ts'
import type { RunProvider } from '../providers/provider.ts'
import { ChatIndex } from './records/chat-index.ts'
import { Continuations } from './control/continuations.ts'
import { RunError } from './errors.ts'
import { followEnd } from './records/follow-end.ts'
import { Inputs } from './start/inputs.ts'
import type { Assignment } from './local/assignment.ts'
import type { LocalRun } from './local/local-run.ts'
import { LocalRuns } from './local/local-runs.ts'
import { Mailbox } from './control/mailbox.ts'
import { changeLimits, graceMilliseconds, redefineRuns, runSettings } from './options.ts'
import type { RunLimits, RunSettings, RunsOptions } from './options.ts'
import { OwedEnds } from './owed/owed-ends.ts'
import { ProcessLimit } from './start/process-limit.ts'
import { Readership } from './local/readership.ts'
import { removeRun } from './records/remove-run.ts'
import { isRunId } from './records/run-ids.ts'
import { checkRunLimit, listRuns } from './records/run-list.ts'
import type { RunList, RunListOptions } from './records/run-list.ts'
import { readRunRecord, runInfo } from './records/run-record.ts'
import { RunStarter } from './start/run-starter.ts'
import type { StartedRun } from './start/run-starter.ts'
import { RunHandle } from './run.ts'
import type { Run, RunInfo, StartRequest } from './run.ts'
import { type AskedStart, checkRequest } from './start/start-request.ts'
import { Stopper } from './control/stopper.ts'
import { Takeover } from './control/takeover.ts'

/**
 * The runs of an application in one process. All processes on the same store share their runs: each can find, stop
 * and take over runs of the others.
 *
 * Every method that returns a promise rejects with the `StoreError` of a store that fails, and with the `RunError`
 * `runs_closed` after `close()` was called.
 */
export class Runs {
  readonly #settings: RunSettings
  readonly #locals: LocalRuns
  readonly #inputs: Inputs
  readonly #chats: ChatIndex
  readonly #mailbox: Mailbox
  readonly #starter: RunStarter
  readonly #stopper: Stopper
  readonly #takeover: Takeover
  readonly #places: ProcessLimit
  readonly #owed: OwedEnds
  /** Aborts when this process starts no more runs. */
  readonly #draining = new AbortController()
  /** Aborts later, when it follows no more runs. */
  readonly #closed = new AbortController()
  #closing: Promise<void> | undefined

  /** @throws {RangeError} naming the option that is out of range. */
  constructor(options: RunsOptions) {
    const settings = runSettings(options)
    this.#settings = settings
    this.#inputs = new Inputs(settings)
    this.#chats = new ChatIndex(settings)
    this.#mailbox = new Mailbox(settings, {
      onStop: (id, incarnation) =>
        void this.#local(id).then((run) =>
          incarnation === undefined || incarnation === run?.incarnation ? run?.stop() : undefined,
        ),
      onLook: () => this.#takeover.now(),
      onReadersAsked: (id, holder) => void readership.answer(id, holder),
      onReaders: (id) => readership.heard(id),
    })
    const readership = new Readership(settings, this.#mailbox, this.#closed.signal)
    const continuations = new Continuations(settings, this.#inputs)
    this.#owed = new OwedEnds(settings, continuations, () => this.#takeover.now())
    this.#locals = new LocalRuns(settings, readership, this.#owed)
    this.#places = new ProcessLimit(settings, () => this.#locals.size)
    const adopt = (assignment: Assignment): LocalRun => this.#adopt(assignment)
    this.#starter = new RunStarter(settings, {
      chats: this.#chats,
      inputs: this.#inputs,
      mailbox: this.#mailbox,
      adopt,
      places: this.#places,
      opened: () => this.open(),
      closed: this.#draining.signal,
    })
    this.#stopper = new Stopper(settings, {
      continuations,
      mailbox: this.#mailbox,
      local: (id) => this.#local(id),
      adopt,
    })
    this.#takeover = new Takeover(settings, {
      continuations,
      mailbox: this.#mailbox,
      places: this.#places,
      owed: this.#owed,
      has: ({ stream, incarnation }) =>
        this.#locals.get(stream, incarnation) !== undefined || this.#starter.has(stream),
      adopt,
    })
  }

  /** Number of runs that this process works on. */
  get active(): number {
    return this.#locals.size
  }

  /**
   * Replaces all definitions, and the limits that `limit` takes. A run in progress keeps the definition that it was
   * started with. Returns the names of other options that differ, and need a restart.
   */
  redefine(options: Omit<RunsOptions, 'store'>): string[] {
    return redefineRuns(this.#settings, options)
  }

  /**
   * Changes limits from now on.
   *
   * @throws {RangeError} naming the limit that is out of range.
   */
  limit(limits: Partial<Pick<RunLimits, 'runsPerOwner' | 'runsPerProcess'>>): void {
    changeLimits(this.#settings, limits)
  }

  /**
   * Takes one of the `runsPerProcess` places for work that is not a run; the returned function gives it back.
   *
   * @throws {RunError} `process_full`.
   */
  reserve(): () => void {
    return this.#places.take()
  }

  /**
   * Resolves when a run has ended, or was handed over to another process. Undefined if this process does not work on
   * it.
   */
  ended(id: string): Promise<unknown> | undefined {
    return this.#locals.get(id)?.settled
  }

  /**
   * Begins to take over runs whose process died. A server calls this when it starts; the first `start` does it, too.
   * This does not keep the process alive. But after the first `start`, a store that processes share does until it is
   * closed, because this process listens to the others.
   */
  open(): void {
    this.#takeover.start()
  }

  /**
   * Starts a run, or finds the run that has this id already, even if it could not be started here. Resolves when the
   * run is durable, before its provider yields.
   *
   * @param provider fills a run without a kind. No other process can continue such a run.
   * @throws {RunError} `invalid_run`, `unknown_kind`, `invalid_input`, `input_undecided`, `too_many_runs`,
   * `process_full`; `run_conflict` if the id belongs to a run of another owner or chat, or to a stream that is not a
   * run; `run_differs` if that run was asked something else.
   */
  async start(request: StartRequest, provider?: RunProvider): Promise<Run> {
    this.#throwIfDraining()
    return this.#start(checkRequest(request, provider))
  }

  /**
   * Stops a run in whichever process works on it: aborts the signal of its provider, waits for the provider, and keeps
   * the records that came. It may be called before the first record, repeatedly, and after the end. Resolves to the
   * end of the run, which is not `stopped` if something else ended it first.
   *
   * @param options.signal ends the wait, not the stop.
   * @param options.incarnation of the run's stream: a later run with the same id is not stopped.
   * @throws {RunError} `run_not_found`; `run_gone` if it is deleted meanwhile.
   */
  async stop(
    id: string,
    { signal, incarnation }: { readonly signal?: AbortSignal; readonly incarnation?: string } = {},
  ): Promise<RunEnd> {
    const closed = this.#closed.signal
    closed.throwIfAborted()
    if (!isRunId(id)) throw new RunError('run_not_found')
    return this.#stopper.stop(id, signal ? AbortSignal.any([closed, signal]) : closed, incarnation)
  }

  /**
   * Starts a new run with the kind, input, owner and chat of a run that has ended.
   *
   * @param options.id the id of the new run. With it, repeated calls start one run.
   * @throws {RunError} `run_not_found`; `run_not_ended`; `run_not_retryable` if the run has no kind or its input is no
   * longer kept; and what `start` throws.
   */
  async retry(id: string, options: { readonly id?: string } = {}): Promise<Run> {
    this.#throwIfDraining()
    const found = await this.#find(id)
    if (!found) throw new RunError('run_not_found')
    const { info, record } = found
    if (!record.end) throw new RunError('run_not_ended')
    const input =
      record.kind === undefined ? undefined : await this.#inputs.load(record, this.#draining.signal)
    if (record.kind === undefined || input === undefined) throw new RunError('run_not_retryable')
    const request: StartRequest = {
      ...options,
      kind: record.kind,
      input,
      ...(info.owner !== undefined && { owner: info.owner }),
      ...(record.chat !== undefined && { chat: record.chat }),
      ...(record.metadata !== undefined && { metadata: record.metadata }),
    }
    const start = checkRequest(request)
    // What was asked is the first run's. A start handler may have changed the input.
    return this.#start({ ...start, asked: record.asked ?? start.asked }, id)
  }

  /** Finds the run with this id, of any process; undefined if there is none. */
  async get(id: string): Promise<Run | undefined> {
    this.#closed.signal.throwIfAborted()
    const found = await this.#find(id)
    return found && this.#handle(found)
  }

  /**
   * Deletes a run that has ended, with its records and its input. Its readers are told that it is gone. Returns false
   * if there is none.
   *
   * @throws {RunError} `run_not_ended`: stop it first.
   */
  async delete(id: string): Promise<boolean> {
    const closed = this.#closed.signal
    closed.throwIfAborted()
    const found = await this.#find(id)
    if (found) await removeRun(this.#settings.store, id, found.info.incarnation, found.record, closed)
    return found !== undefined
  }

  /**
   * Lists runs, ordered by id. It reads all streams of the owner, or of everybody without an owner, unless it is asked
   * for running ones only. With a chat, it lists the chat's runs from an index, the latest first, and reads at most a
   * thousand per page. To get only the latest, call `latest`.
   *
   * @throws {RangeError} if the limit is not a whole number from 1 to 1,000; with a chat, if no page returned `after`.
   */
  async list(options: RunListOptions = {}): Promise<RunList> {
    const { signal } = this.#closed
    signal.throwIfAborted()
    checkRunLimit(options)
    const { chat, owner, ...page } = options
    if (chat !== undefined) return this.#chats.list(chat, owner, page, signal)
    return listRuns(this.#settings.store, options, signal)
  }

  /** Finds the run of a chat that was started last and is still kept. Its cost does not depend on how many there are. */
  async latest(chat: string, owner?: string): Promise<RunInfo | undefined> {
    this.#closed.signal.throwIfAborted()
    return this.#chats.latest(chat, owner, this.#closed.signal)
  }

  /**
   * Shuts down: starts nothing more, gives runs in progress `graceSeconds` (default 0) to end, then hands resumable
   * runs over to other processes and ends the others as `interrupted`. The store stays open; close it afterwards.
   * Further calls return the same promise.
   *
   * @throws {RangeError} at once, if `graceSeconds` is not 0 to 2,147,483. Nothing is shut down then.
   */
  close({ graceSeconds = 0 }: { readonly graceSeconds?: number } = {}): Promise<void> {
    this.#closing ??= this.#close(graceMilliseconds('graceSeconds', graceSeconds))
    return this.#closing
  }

  async #close(graceMs: number): Promise<void> {
    const { logger } = this.#settings
    this.#draining.abort(new RunError('runs_closed'))
    await Promise.all([this.#takeover.stop(), this.#starter.idle()])
    if (graceMs > 0) await this.#locals.emptied(graceMs)
    await this.#stopper.close()
    const ends = await this.#locals.leaveAll()
    const isOwing = await this.#owed.close()
    try {
      if (isOwing || ends.includes(undefined)) await this.#mailbox.askToLook(this.#closed.signal)
    } catch (err) {
      logger.warn({ err }, 'shutdown could not be announced to other processes')
    }
    await this.#mailbox
      .close()
      .catch((err: unknown) => logger.warn({ err }, 'mailbox of the runs could not be removed'))
    await this.#locals.cleanedUp()
    this.#closed.abort(new RunError('runs_closed'))
  }

  #adopt(assignment: Assignment): LocalRun {
    const isUnwanted = this.#stopper.wants(assignment.lease.stream, assignment.lease.incarnation)
    // The stop was requested first, so it overrides any other end.
    return this.#locals.add(isUnwanted ? { ...assignment, end: { status: 'stopped' } } : assignment)
  }

  /** Returns the run, if this process works on it, after any start of it in progress. */
  async #local(id: string): Promise<LocalRun | undefined> {
    await this.#starter.started(id)
    return this.#locals.get(id)
  }

  async #find(id: string): Promise<StartedRun | undefined> {
    const info = isRunId(id) ? await this.#settings.store.head(id, this.#closed.signal) : undefined
    const record = info && readRunRecord(info)
    return info && record && { info, record }
  }

  #handle({ info, record, ...started }: StartedRun): Run {
    const { id, incarnation } = info
    const settled = started.settled ?? this.#locals.get(id, incarnation)?.settled
    return new RunHandle(runInfo(info, record), async () => {
      const end = record.end ?? (await settled)
      return end ?? followEnd(this.#settings.store, { id, incarnation }, this.#closed.signal)
    })
  }

  async #start(asked: AskedStart, retryOf?: string): Promise<Run> {
    return this.#handle(await this.#starter.start(asked, retryOf))
  }

  #throwIfDraining(): void {
    this.#draining.signal.throwIfAborted()
  }
}
