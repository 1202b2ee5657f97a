/**
 * Holds a history against the promises of docs and design. One for the simulation, which tells it each fact
 * as it happens, and for the histories of real stores and processes, which are told from their ends.
 */
import { readRunEnd } from '../../src/protocol/run-end.ts'
import { LEASE_PRODUCER } from '../../src/streams/leases.ts'
import { CHAT_STREAMS, CheckedChats } from './checked-chats.ts'
import { CheckedFollowers } from './checked-followers.ts'
import { CheckedGenerations } from './checked-generations.ts'
import { CheckedReaders } from './checked-readers.ts'
import { CheckedRuns } from './checked-runs.ts'
import type { Yields } from './checked-runs.ts'
import { CheckedUpstream } from './checked-upstream.ts'
import type { Fact, Fail, Invariant, RunSource, Violation } from './history.ts'
import type { KeptLog, KeptLogs } from './kept-log.ts'

/** They may remove a run that has not ended. */
const BY_RIGHT: ReadonlySet<string> = new Set(['the application', 'the store'])

export class Checker implements KeptLogs {
  readonly violations: Violation[] = []
  readonly logs = new Map<string, KeptLog>()
  /** The latest life of each id. */
  readonly current = new Map<string, KeptLog>()
  readonly #sources = new Map<string, RunSource>()
  /** What an id was ever started for: an answer may come when the run is removed and another one there. */
  readonly #tags = new Map<string, Set<string>>()
  /** Runs of which a stop was answered with `stopped`, with how long their logs were then. */
  readonly #stopped = new Map<string, { readonly log: KeptLog; readonly length: number }>()
  readonly #asked = new Set<string>()
  readonly #readers: CheckedReaders
  readonly #generations: CheckedGenerations
  readonly #upstream: CheckedUpstream
  readonly #runs: CheckedRuns
  readonly #chats: CheckedChats
  readonly #followers: CheckedFollowers
  readonly #isWell: (holder: string) => boolean

  /**
   * @param isWell whether nothing has happened to the holder of a lease.
   * @param keepsMessages whether the application keeps the messages of chats, too.
   */
  constructor(yields: Yields, isWell: (holder: string) => boolean = () => false, keepsMessages = false) {
    this.#isWell = isWell
    const fail: Fail = (invariant, message) => this.#fail(invariant, message)
    this.#readers = new CheckedReaders(this, fail)
    this.#upstream = new CheckedUpstream(this, fail)
    this.#runs = new CheckedRuns(yields, (run) => this.#asked.has(run), fail)
    this.#chats = new CheckedChats(this, fail, keepsMessages)
    this.#followers = new CheckedFollowers(this, fail)
    const isOnce = (run: string): boolean => this.#sources.get(run)?.once === true
    this.#generations = new CheckedGenerations(this, isOnce, fail)
  }

  note(fact: Fact): void {
    switch (fact.type) {
      case 'kept':
        return this.#kept(fact)
      case 'leased':
        return this.#leased(fact)
      case 'removed':
        return this.#removed(fact)
      case 'trimmed': {
        const log = this.#log(fact.stream, fact.incarnation)
        log.first = Math.max(log.first, fact.first)
        return
      }
      case 'reader-trimmed':
        return this.#readers.trimmed(fact)
      case 'hidden':
        this.#readers.mayBeHidden = true
        return
      case 'acknowledged':
        return this.#acknowledged(fact)
      case 'recognised':
        return this.#recognised(fact)
      case 'sent':
        return this.#readers.given(fact, fact.from, fact.records)
      case 'read':
        return this.#readers.given(fact, fact.next - 1, [fact.record])
      case 'reader-ended':
        return this.#readers.ended(fact)
      case 'run-asked':
        this.#sources.set(fact.run, fact.source)
        this.#tags.set(fact.run, (this.#tags.get(fact.run) ?? new Set()).add(fact.source.tag))
        return
      case 'run-started':
        return this.#started(fact)
      case 'end-told':
        return this.#endTold(fact)
      case 'stop-asked':
        this.#asked.add(fact.run)
        return
      case 'stop-answered':
        return this.#stopAnswered(fact)
      case 'chat-sent':
      case 'chat-taken-back':
      case 'chat-selected':
      case 'chat-removed':
      case 'chat-saved':
        return this.#chats.note(fact)
      case 'chat-followed':
      case 'chat-seen':
        return this.#followers.note(fact)
      case 'generation-began':
      case 'generation-ended':
        return this.#generations.note(fact)
      case 'ended-called':
        return this.#called(fact)
      case 'ended-over': {
        const call = this.logs.get(`${fact.stream} ${fact.incarnation}`)?.told.get(fact.call)
        if (call) call.how = fact.how
        return
      }
      case 'upstream-known':
      case 'upstream-closing':
      case 'upstream-kept':
      case 'upstream-over':
        return this.#upstream.note(fact)
      case 'fault-logged':
        return this.#fail('no-fault', `${fact.by} logs: ${fact.message}`)
      case 'held':
        if (fact.bytes > fact.atMost)
          this.#fail(
            'bounded',
            `${fact.by} holds ${fact.bytes} bytes for its readers, of ${fact.atMost} at most`,
          )
        return
      case 'missed':
        return this.#fail(fact.invariant, fact.what)
    }
  }

  /** Generations of a run that go on, wherever. */
  working(run: string): number {
    return this.#generations.working(run)
  }

  /** Runs whose kinds have not been told yet of their ends. */
  owing(): readonly string[] {
    const logs = [...this.logs.values()]
    return logs.filter((log) => !log.removed && this.#isOwing(log)).map(({ stream }) => stream)
  }

  /** Runs that have ended, of which something goes on upstream. */
  goingUpstream(): readonly string[] {
    return this.#upstream.owing()
  }

  /** What has not come to its end in chats. */
  unfinishedChats(): readonly string[] {
    return this.#chats.unfinished()
  }

  #isOwing({ owes, told }: KeptLog): boolean {
    return owes && ![...told.values()].some(({ how }) => how === 'returned')
  }

  stopAsked(run: string): boolean {
    return this.#asked.has(run)
  }

  /** Asks of each run whose source is known whether its log is what it must be, now that all is over. `except` cannot be read. */
  finish(except: ReadonlySet<string> = new Set()): void {
    for (const [run, source] of this.#sources) {
      const log = this.current.get(run)
      if (!log || log.removed || except.has(run)) continue
      if (!log.closed) this.#fail('run-ends', `${run} has no end`)
      else this.#runs.ended(run, source, log)
    }
    this.#upstream.finish()
    this.#chats.finish()
    for (const run of this.owing())
      if (!except.has(run)) this.#fail('ended-told', `nobody is told of the end of ${run}`)
  }

  #kept(fact: Extract<Fact, { type: 'kept' }>): void {
    const { stream, incarnation, from, records, closed, by, producer } = fact
    const log = this.#log(stream, incarnation)
    if (log.closed && !fact.created) this.#fail('one-writer', `${by} writes to ${stream}, which is closed`)
    if (from !== log.records.length)
      this.#fail('nothing-lost', `${stream} goes on at ${from}; it had ${log.records.length} records`)
    if (log.epoch > 0 && !fact.created) this.#written(log, fact)
    if (stream.startsWith('raced-')) this.#follows(log, fact)
    for (const record of records) log.records.push(record)
    if (stream.startsWith(CHAT_STREAMS)) this.#chats.kept(log, fact)
    if (fact.chat !== undefined) this.#chats.started(stream, fact.chat, by)
    if (closed) this.#closed(log, fact)
    if (closed) this.#upstream.closed(log, by)
    const source = this.#sources.get(stream)
    if (source && producer?.id === LEASE_PRODUCER) this.#runs.isPrefix(log, source)
    if (source && this.#stopped.get(stream)?.log === log)
      this.#fail('stop-holds', `${by} writes to ${stream} after its stop was answered`)
  }

  /** A write to a stream on which a lease was ever taken. */
  #written(log: KeptLog, { stream, by, producer }: Extract<Fact, { type: 'kept' }>): void {
    if (producer?.id !== LEASE_PRODUCER)
      return this.#fail('holder-only', `${by} writes to ${stream}, of which it holds no lease`)
    if (producer.epoch < log.epoch)
      this.#fail('one-writer', `${by} writes to ${stream} in epoch ${producer.epoch}, behind ${log.epoch}`)
    const holder = log.holders.get(producer.epoch)
    if (holder !== undefined && holder !== by)
      this.#fail(
        'one-writer',
        `${by} writes to ${stream} in epoch ${producer.epoch}, which is that of ${holder}`,
      )
  }

  /** Each record says where its writer saw the tail. */
  #follows({ stream }: KeptLog, { from, records }: Extract<Fact, { type: 'kept' }>): void {
    const [first] = records
    const after = first === undefined ? from : (JSON.parse(first) as { readonly after?: number }).after
    if (after !== from)
      this.#fail('follows', `${first} of ${stream} is to follow ${after}, and follows ${from}`)
  }

  /** The kind of a run is told of its end. */
  #called({ stream, incarnation, call, status, by }: Extract<Fact, { type: 'ended-called' }>): void {
    const log = this.logs.get(`${stream} ${incarnation}`)
    if (!log?.closed || log.end?.status !== status)
      return this.#fail('ended-told', `${by} is told that ${stream} is ${status}, which is not kept`)
    for (const other of log.told.values())
      if (other.how !== 'failed' && this.#isWell(other.by))
        this.#fail('ended-told', `${by} is told of the end of ${stream}, and ${other.by} was`)
    log.told.set(call, { by })
  }

  #closed(log: KeptLog, { end, owes }: Extract<Fact, { type: 'kept' }>): void {
    log.closed = true
    // What chats are told is seen in them.
    log.owes = this.#sources.get(log.stream)?.tells ?? (owes === true && !this.#chats.has(log.stream))
    log.end = readRunEnd(end)
    if (!log.end && this.#sources.has(log.stream))
      this.#fail('run-ends', `${log.stream} is closed without an end`)
  }

  #leased({ stream, incarnation, epoch, holder }: Extract<Fact, { type: 'leased' }>): void {
    const log = this.#log(stream, incarnation)
    const other = log.holders.get(epoch)
    if (other !== undefined && other !== holder)
      this.#fail('one-writer', `${holder} is given epoch ${epoch} of ${stream}, which is that of ${other}`)
    const before = log.holders.get(log.epoch)
    if (before !== undefined && epoch > log.epoch && !log.closed && this.#isWell(before))
      this.#fail('stays', `${holder} is given ${stream}, of ${before} to whom nothing happened`)
    log.holders.set(epoch, holder)
    // Of a closed one only what it owes is claimed.
    if (!log.closed) log.epoch = Math.max(log.epoch, epoch)
  }

  #removed({ stream, by, reason, due }: Extract<Fact, { type: 'removed' }>): void {
    const log = this.current.get(stream)
    if (!log) return
    log.removed = true
    if (reason === 'expired' && this.#isOwing(log))
      this.#fail('ended-told', `${stream} is past its time, and nobody was told of its end`)
    const isRun = this.#sources.has(stream)
    if (reason === 'deleted' && isRun && !log.closed && !BY_RIGHT.has(by))
      this.#fail('run-ends', `${by} removes ${stream}, which has not ended`)
    if (reason !== 'expired' || stream.startsWith('@')) return
    if (!due) this.#fail('nothing-lost', `${by} finds ${stream} past its time, which is not over`)
    else if (!log.closed && this.#isWell(log.holders.get(log.epoch) ?? ''))
      this.#fail('nothing-lost', `${by} finds ${stream} past its time, at which its holder works`)
  }

  #acknowledged(fact: Extract<Fact, { type: 'acknowledged' }>): void {
    const log = this.logs.get(`${fact.stream} ${fact.incarnation}`)
    const { next, records, closed } = fact
    const from = next - records.length
    const missing = records.findIndex((record, index) => log?.records[from + index] !== record)
    if (missing >= 0)
      this.#fail(
        'nothing-lost',
        `record ${from + missing} of ${fact.stream} was acknowledged, and is not kept`,
      )
    else if (closed && !log?.closed)
      this.#fail('nothing-lost', `the close of ${fact.stream} was acknowledged, and is not kept`)
  }

  #recognised({ stream, incarnation, next, closed }: Extract<Fact, { type: 'recognised' }>): void {
    const log = this.logs.get(`${stream} ${incarnation}`)
    if (log?.records.length !== next || log.closed !== closed)
      this.#fail(
        'nothing-lost',
        `${stream} is said to be kept up to ${next}${closed ? ' and closed' : ''}, and is up to ${log?.records.length}`,
      )
  }

  #endTold({ run, status }: Extract<Fact, { type: 'end-told' }>): void {
    const log = this.current.get(run)
    if (log && !log.removed && log.end?.status !== status)
      this.#fail('right-end', `${run} is told to be ${status}, and is ${log.end?.status ?? 'running'}`)
  }

  #started({ run, tag, by }: Extract<Fact, { type: 'run-started' }>): void {
    const source = this.#sources.get(run)
    if (source && !this.#tags.get(run)?.has(tag))
      this.#fail('right-answer', `${by} asked ${run} for ${tag}, and is given that of ${source.tag}`)
    const log = this.current.get(run)
    if (!log) this.#fail('nothing-lost', `${run} was started, and is not kept`)
  }

  #stopAnswered({ run, status }: Extract<Fact, { type: 'stop-answered' }>): void {
    const log = this.current.get(run)
    if (!log || log.removed) return
    if (!log.closed || log.end?.status !== status)
      this.#fail(
        'stop-holds',
        `a stop of ${run} is answered ${status}, and it is ${log.end?.status ?? 'running'}`,
      )
    if (!this.#stopped.has(run)) this.#stopped.set(run, { log, length: log.records.length })
  }

  #log(stream: string, incarnation: string): KeptLog {
    const key = `${stream} ${incarnation}`
    let log = this.logs.get(key)
    if (!log) {
      log = {
        stream,
        incarnation,
        records: [],
        closed: false,
        removed: false,
        first: 0,
        epoch: 0,
        holders: new Map(),
        owes: false,
        told: new Map(),
        barren: 0,
        begunAt: -1,
        hasDied: false,
      }
      this.logs.set(key, log)
      this.current.set(stream, log)
    }
    return log
  }

  #fail(invariant: Invariant, message: string): void {
    this.violations.push({ invariant, message })
  }
}
