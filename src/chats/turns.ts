/**
 * Advances chats: starts the runs that were asked for, keeps answers that have ended, and starts what waits. Any process
 * may do so at any time, also several at once: each finds what another has done.
 *
 * An ask is kept with the id of its run before the run is started. If the process dies in between, the next process that
 * finds the ask without a run starts it. Another process may have decided otherwise meanwhile, or deleted the chat, so
 * the process that started a run checks the chat again.
 */
import type { RunEnd } from '../protocol/run-end.ts'
import { RunError } from '../runs/errors.ts'
import { chatIndexId } from '../runs/records/run-ids.ts'
import type { StreamInfo } from '../streams/stream.ts'
import type { RunErrorCode } from '../runs/errors.ts'
import type { Run, RunInfo, StartRequest } from '../runs/run.ts'
import { inputFor } from './answers.ts'
import type { Answers } from './answers.ts'
import type { ChatLog } from './chat-log.ts'
import type { ChatLogs } from './chat-logs.ts'
import type { ChatAsk, WaitingAsk } from '../conversation/conversation.ts'
import type { AnswerEntry, ChatEntry } from '../conversation/entries.ts'
import type { ChatPlace } from './history.ts'
import type { ChatSettings } from './options.ts'

/** What chats need of runs. */
export interface ChatRuns {
  start(request: StartRequest): Promise<Run>
  get(id: string): Promise<Run | undefined>
  stop(
    id: string,
    options?: { readonly signal?: AbortSignal; readonly incarnation?: string },
  ): Promise<RunEnd>
  delete(id: string): Promise<boolean>
}

/** Errors of a start that a later start would meet again. */
const FOR_GOOD: ReadonlySet<RunErrorCode> = new Set(['invalid_run', 'run_conflict', 'run_differs'])
/** Errors of a start that may pass, for callers that do not wait. */
const FOR_NOW: ReadonlySet<RunErrorCode> = new Set(['too_many_runs', 'process_full'])
/** Most reads of one chat in a row while others write to it. */
const MOST_LOOKS = 100

const INTERRUPTED: RunEnd = {
  status: 'failed',
  reason: 'interrupted',
  message: 'The server was interrupted before this answer began. Please try again.',
}

export class Turns {
  readonly #settings: ChatSettings
  readonly #logs: ChatLogs
  readonly #answers: Answers
  readonly #runs: () => ChatRuns

  constructor(settings: ChatSettings, logs: ChatLogs, answers: Answers, runs: () => ChatRuns) {
    this.#settings = settings
    this.#logs = logs
    this.#answers = answers
    this.#runs = runs
  }

  /**
   * Does what is due in a chat, and resolves to the chat; undefined if it is gone. Rejects as the store does, and with the
   * `RunError` of a run that cannot be started now but may be later.
   */
  async advance(place: ChatPlace, signal: AbortSignal): Promise<ChatLog | undefined> {
    for (let look = 0; look < MOST_LOOKS; look++) {
      const log = await this.#logs.load(place, signal)
      if (!log) return undefined
      if (log.isClosed) {
        await this.remove(log, signal)
        return undefined
      }
      const { active, queue } = log.conversation
      const [next] = queue
      if (active) {
        if (!(await this.#attend(log, active, signal))) return log
      } else if (!next) return log
      else await this.#begin(log, next, signal)
    }
    return this.#logs.load(place, signal)
  }

  /**
   * Starts the run of an ask that is kept. If there is no room for the run, the ask fails: its caller does not wait.
   *
   * @throws {RunError} why it could not be started; the ask has failed, unless it may be started later.
   */
  async start(log: ChatLog, ask: ChatAsk, signal: AbortSignal, isPatient: boolean): Promise<void> {
    const { place } = log
    const { chat, owner } = place
    const request: StartRequest = {
      id: ask.run,
      kind: ask.kind,
      chat,
      input: inputFor(place),
      ...(owner !== undefined && { owner }),
    }
    try {
      await this.#runs().start(request)
    } catch (error) {
      if (!(error instanceof RunError)) throw error
      const { code: reason, message } = error
      const isOver = FOR_GOOD.has(reason) || (FOR_NOW.has(reason) && !isPatient)
      if (isOver) await this.#fail(log, ask, { status: 'failed', reason, message }, signal)
      throw error
    }
    await this.#makeSure(place, ask, signal)
  }

  /** Keeps the answer of a run that has ended, and starts what waits. Rejects if it must be called again. */
  async ended(run: RunInfo, end: RunEnd, signal: AbortSignal): Promise<void> {
    if (run.chat === undefined) return
    const place = { chat: run.chat, ...(run.owner !== undefined && { owner: run.owner }) }
    const log = await this.#logs.load(place, signal)
    const ask = log?.conversation.asks.get(run.id)
    if (!log || log.isClosed || !ask) {
      // The chat was deleted, and its answers with it.
      await this.#runs().delete(run.id)
      return
    }
    await this.#keep(log, ask, run, end, signal)
    const { active } = (await this.advance(place, signal))?.conversation ?? {}
    if (active && !this.#settings.kinds.has(active.kind) && !(await this.#runs().get(active.run)))
      throw new Error(`The next answer is of the kind ${active.kind}, which is not known here`)
  }

  /** Removes a closed chat with everything that belongs to it. Call it again if it was interrupted. */
  async remove(log: ChatLog, signal: AbortSignal): Promise<void> {
    const { store } = this.#settings
    const { asks, incarnations } = log.conversation
    const index = await this.#indexOf(log, signal)
    for (const { run } of asks.values()) {
      const isThere = await this.#removeRun(run, log.place, signal)
      const incarnation = incarnations.get(run)
      // A clock that jumped ahead may hide it, and it would be back when the clock is right again.
      if (!isThere && incarnation !== undefined) await store.delete(run, signal, incarnation)
    }
    if (index) await store.delete(index.id, signal, index.incarnation)
    await store.delete(log.id, signal, log.incarnation)
  }

  /** The list of a closed chat's runs; undefined if there is none, or it may be that of a chat that came after it. */
  async #indexOf({ id, incarnation, place }: ChatLog, signal: AbortSignal): Promise<StreamInfo | undefined> {
    const { store } = this.#settings
    const index = await store.head(chatIndexId(place.chat, place.owner), signal)
    if (!index) return undefined
    // As long as this one is there, no other has its name.
    const chat = await store.head(id, signal)
    return chat?.incarnation === incarnation ? index : undefined
  }

  /** Whether a run of this id is to be seen, or was: of another chat it is left alone. */
  async #removeRun(id: string, { chat, owner }: ChatPlace, signal: AbortSignal): Promise<boolean> {
    const run = await this.#runs().get(id)
    if (!run || run.info.chat !== chat || run.info.owner !== owner) return run !== undefined
    try {
      if (run.info.status === 'running')
        await this.#runs().stop(id, { signal, incarnation: run.info.incarnation })
      await this.#runs().delete(id)
    } catch (error) {
      const isGone =
        error instanceof RunError && (error.code === 'run_gone' || error.code === 'run_not_found')
      if (!isGone) throw error
    }
    return true
  }

  /** Does what is due for the ask in progress. Resolves to whether it is over. */
  async #attend(log: ChatLog, ask: ChatAsk, signal: AbortSignal): Promise<boolean> {
    const { place, conversation } = log
    const run = await this.#runs().get(ask.run)
    if (!run) {
      if (Date.now() - ask.at >= this.#settings.beginWithinMs)
        return this.#fail(log, ask, INTERRUPTED, signal)
      // Others may know it.
      if (!this.#settings.kinds.has(ask.kind)) return false
      return !(await this.#startLater(log, ask, signal))
    }
    const { info } = run
    if (info.chat !== place.chat || info.owner !== place.owner)
      return this.#fail(log, ask, { status: 'failed', reason: 'run_conflict' }, signal)
    if (info.status !== 'running') return this.#finish(log, ask, info, signal)
    if (!conversation.queue.some(({ ask: { replaces } }) => replaces)) return false
    try {
      await this.#runs().stop(ask.run, { signal, incarnation: info.incarnation })
    } catch (error) {
      if (!(error instanceof RunError)) throw error
    }
    return true
  }

  /** Of a run whose end is known. */
  async #finish(log: ChatLog, ask: ChatAsk, run: RunInfo, signal: AbortSignal): Promise<boolean> {
    const { kinds, beginWithinMs } = this.#settings
    // Whoever knows the kind makes a message of it. In time nobody may know it any more.
    if (!kinds.has(ask.kind) && Date.now() - ask.at < beginWithinMs) return false
    const { status, reason, message } = run
    if (status === 'running') return false
    const end: RunEnd = {
      status,
      ...(reason !== undefined && { reason }),
      ...(message !== undefined && { message }),
    }
    await this.#keep(log, ask, run, end, signal)
    return true
  }

  async #keep(log: ChatLog, ask: ChatAsk, run: RunInfo, end: RunEnd, signal: AbortSignal): Promise<void> {
    if (ask.status === 'running') {
      const kept = await log.answer(await this.#answers.entryFor(log, ask, run, end, signal), signal)
      if (kept === 'gone') return
    }
    if (!this.#settings.history) return
    const there = await this.#logs.load(log.place, signal)
    const answered = there?.conversation.asks.get(ask.run)
    if (there && answered) await this.#answers.save(there, answered, signal)
  }

  async #fail(log: ChatLog, ask: ChatAsk, end: RunEnd, signal: AbortSignal): Promise<true> {
    await log.answer(endOf(ask.run, end), signal)
    // It may have been started in the same moment.
    await this.#removeRun(ask.run, log.place, signal)
    return true
  }

  /** Starts the turn of the next waiting ask, unless another process was first. */
  async #begin(
    log: ChatLog,
    { ask, message, parent, behind }: WaitingAsk,
    signal: AbortSignal,
  ): Promise<void> {
    const { conversation } = log
    const { tree, queue } = conversation
    if (!message && !tree.get(ask.message)) {
      await log.decide([{ type: 'taken-back', run: ask.run }], signal)
      return
    }
    // What it was to follow may be gone by now.
    const isThere = parent === null || (parent !== undefined && (tree.get(parent) || this.#settings.history))
    const last = behind === undefined ? conversation.head : conversation.lastBehind(behind)
    const follows = isThere ? parent : (last ?? null)
    const begun: ChatEntry = { type: 'begun', run: ask.run, parent: follows, at: Date.now() }
    // Nobody is asked for what would be stopped at once.
    if (queue.slice(1).some(({ ask: { replaces } }) => replaces)) {
      await log.decide([begun, endOf(ask.run, { status: 'stopped' })], signal)
      return
    }
    const kept = await log.decide([begun], signal)
    if (kept !== 'kept') return
    const asked = conversation.asks.get(ask.run)
    if (asked?.status !== 'running' || !this.#settings.kinds.has(ask.kind)) return
    await this.#startLater(log, asked, signal)
  }

  /** Starts a run that no caller waits for; false if it can never be started, and the ask has failed. */
  async #startLater(log: ChatLog, ask: ChatAsk, signal: AbortSignal): Promise<boolean> {
    try {
      await this.start(log, ask, signal, true)
      return true
    } catch (error) {
      if (error instanceof RunError && FOR_GOOD.has(error.code)) return false
      throw error
    }
  }

  /** Stops a run that was started after it was no longer wanted. */
  async #makeSure(place: ChatPlace, ask: ChatAsk, signal: AbortSignal): Promise<void> {
    const log = await this.#logs.load(place, signal)
    const asked = log && !log.isClosed ? log.conversation.asks.get(ask.run) : undefined
    if (!asked) await this.#removeRun(ask.run, place, signal)
    // That it has ended, with an answer, is as it should be.
    else if (asked.status === 'failed' && asked.answer === undefined) await this.#stopLate(ask.run, signal)
  }

  async #stopLate(run: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#runs().stop(run, { signal })
    } catch (error) {
      if (!(error instanceof RunError)) throw error
    }
  }
}

function endOf(run: string, { status, reason, message }: RunEnd): AnswerEntry {
  return {
    type: 'answer',
    run,
    status,
    at: Date.now(),
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { text: message }),
  }
}
