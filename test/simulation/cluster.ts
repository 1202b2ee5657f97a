/**
 * A cluster in one process: several servers over one store, their clients, and the time that they all live in.
 * What happens to it is its plan's; what it did is in its trace, and whether that was right its checker says.
 */
import type { Json } from '../../src/protocol/json.ts'
import { Chance } from '../chaos/chance.ts'
import { Checker } from './checker.ts'
import { Coverage } from './coverage.ts'
import { Deeds } from './deeds.ts'
import { Faults, NO_FAULTS } from './faults.ts'
import { FaultyStore } from './faulty-store.ts'
import type { Fact, Invariant, Violation } from './history.ts'
import { describeFact } from './history.ts'
import type { Host } from './host.ts'
import { MessageDatabase } from './message-database.ts'
import { Network } from './network.ts'
import type { Plan } from './plan.ts'
import type { PlantedBug } from './planted-bugs.ts'
import { yieldsScript } from './providers.ts'
import type { AskedScript } from './providers.ts'
import type { ClusterReader } from './reader.ts'
import { sourceOf } from './run-source.ts'
import { ServerProcess } from './server-process.ts'
import { SharedStore } from './shared-store.ts'
import { Unfinished } from './unfinished.ts'
import { Upstream } from './upstream.ts'
import { VirtualTime } from './virtual-time.ts'

/** Seconds, beside several leases, in which all must come to its end once nothing disturbs it. */
const CALM = 60
/** Seconds in which the last calls arrive and are answered: each may be stuck on its way there, and on its way back. */
const STRAGGLERS = 40
/** Timers that one simulation may fire: more, and it goes round in circles. */
const MOST_TIMERS = 200_000

export interface Outcome {
  readonly violation: Violation | undefined
  readonly trace: readonly string[]
  readonly coverage: Coverage
}

export class Cluster {
  readonly plan: Plan
  readonly planted: PlantedBug | undefined
  readonly time: VirtualTime
  readonly shared: SharedStore
  readonly checker: Checker
  /** Where the application keeps messages, if it does. */
  readonly messages: MessageDatabase | undefined
  readonly coverage: Coverage = new Coverage()
  readonly readers: ClusterReader[] = []
  readonly #slots: (ServerProcess | undefined)[]
  readonly #lives: number[]
  /** Clients that are no readers. */
  readonly clients: Host[] = []
  readonly network: Network
  /** Where remote runs are worked on. */
  readonly upstream: Upstream
  readonly #stores: FaultyStore[] = []
  readonly #lines: string[] = []
  /** What was asked of whom, and is not answered yet. */
  readonly asked: Map<string, Host> = new Map<string, Host>()
  readonly #generations = new Map<string, number>()
  readonly #deeds: Deeds
  readonly #unfinished: Unfinished
  /** Milliseconds that the store's clock is ahead. */
  storeOffset = 0
  #calm = false
  #leaving = false
  #asks = 0
  #calls = 0

  constructor(plan: Plan, planted?: PlantedBug) {
    this.plan = plan
    this.planted = planted
    this.checker = new Checker(yieldsScript, (holder) => this.#isWell(holder), plan.keepsMessages)
    this.messages = plan.keepsMessages ? new MessageDatabase(this) : undefined
    this.time = new VirtualTime(plan.seed, (what) => this.miss('no-fault', `${what} leaves the simulation`))
    this.network = new Network(this)
    this.upstream = new Upstream({
      seed: plan.seed,
      note: (fact) => this.note(fact),
      isCalm: () => this.#calm,
    })
    this.shared = new SharedStore({
      clock: () => this.time.now + this.storeOffset,
      time: this.time,
      logger: { debug() {}, info() {}, warn() {}, error: (_, message) => this.trace(`store: ${message}`) },
      note: (fact) => this.note(fact),
      fenced: () => this.coverage.add('fences'),
      runCreated: (run, metadata) => this.#created(run, metadata),
    })
    this.#slots = Array.from({ length: plan.processes })
    this.#lives = this.#slots.map(() => 0)
    this.#deeds = new Deeds(this)
    this.#unfinished = new Unfinished(this, this.#deeds.runs)
  }

  /** Plays the plan. The world is as it was before when it has. */
  async run(): Promise<Outcome> {
    const escaped = (error: unknown): void => this.#escaped(error)
    process.on('unhandledRejection', escaped)
    process.on('uncaughtException', escaped)
    try {
      await this.#play()
    } catch (error) {
      this.#escaped(error)
    } finally {
      process.off('unhandledRejection', escaped)
      process.off('uncaughtException', escaped)
      this.time.uninstall()
    }
    const [violation] = this.checker.violations
    return { violation, trace: this.#lines, coverage: this.coverage }
  }

  note(fact: Fact): void {
    const known = this.checker.violations.length
    this.trace(describeFact(fact))
    this.#count(fact)
    this.checker.note(fact)
    for (const { invariant, message } of this.checker.violations.slice(known))
      this.trace(`*** ${invariant}: ${message}`)
  }

  trace(what: string): void {
    this.#lines.push(`${this.time.seconds.toFixed(3).padStart(9)} ${what}`)
  }

  /** A process that is up, in this slot or, with none there, in another one. */
  up(slot: number): ServerProcess | undefined {
    const at = this.#slots[slot]
    if (at?.up) return at
    return this.#slots.find((one) => one?.up)
  }

  /** Those that are up. */
  get ups(): readonly ServerProcess[] {
    return this.#slots.filter((one) => one?.up) as ServerProcess[]
  }

  /** Whether nothing disturbs it any more. */
  get isCalm(): boolean {
    return this.#calm
  }

  at(slot: number): ServerProcess | undefined {
    return this.#slots[slot]
  }

  /** Puts a new process where one died, or was shut down. */
  boot(slot: number): void {
    if (this.#slots[slot]?.alive || this.#leaving) return
    const life = (this.#lives[slot] ?? 0) + 1
    this.#lives[slot] = life
    this.trace(`p${slot}.${life} starts`)
    this.#slots[slot] = new ServerProcess({
      cluster: this,
      slot,
      life,
      tempers: (this.plan.tempers[slot] ?? []).filter((one) => life === 1 || one !== this.plan.forgotten),
      isSmall: this.plan.isSmall,
    })
  }

  /** The store as a host has it. */
  storeFor(host: Host): FaultyStore {
    const { plan, shared, time, coverage, planted } = this
    const faults = new Faults(
      this.#calm ? NO_FAULTS : plan.rates,
      new Chance(plan.seed, `faults ${host.name}`),
    )
    const trace = (what: string): void => this.trace(what)
    const expires = plan.retention !== undefined || plan.acts.some(({ deed }) => deed.type === 'keep')
    const store = new FaultyStore({ host, shared, time, faults, coverage, trace, planted, expires })
    this.#stores.push(store)
    return store
  }

  /** What a client sends, as the server gets it. */
  readonly received = (text: string): string => this.#deeds.received(text)

  /** Asks something of a host, whose answer has to come while it lives. */
  ask(what: string, host: Host, work: () => Promise<unknown>): void {
    const name = `${what} (${++this.#asks})`
    this.trace(`asked: ${name} of ${host.name}`)
    this.asked.set(name, host)
    host.run(() => {
      const over = (how: string): void => {
        this.asked.delete(name)
        this.trace(`answered: ${name}: ${how}`)
      }
      work().then(
        () => over('done'),
        (error: unknown) => {
          over(String(error))
          if (!(error instanceof Error) || !/^(Run|Store|Stream|StreamRequest|Chat)Error$/.test(error.name))
            this.#escaped(error)
        },
      )
    })
  }

  /** The number of a call of `ended`, from 1. */
  nextCall(): number {
    return ++this.#calls
  }

  /** The number of a generation of a run, from 1. */
  nextGeneration(run: string): number {
    const generation = (this.#generations.get(run) ?? 0) + 1
    this.#generations.set(run, generation)
    return generation
  }

  async #play(): Promise<void> {
    for (let slot = 0; slot < this.plan.processes; slot++) this.boot(slot)
    let lengthMs = 0
    for (const { atMs, deed } of this.plan.acts) {
      this.time.after(atMs, () => this.#deeds.do(deed))
      lengthMs = atMs
    }
    if (!(await this.#pass(() => false, lengthMs / 1000 + 0.001))) return
    this.#calmDown()
    // What still lies in a buffer, or waits for its answer, comes, and may be a run.
    if (!(await this.#pass(() => this.#stores.every((store) => !store.calls.isAwaited), STRAGGLERS))) return
    const lease = this.plan.leaseTtl
    await this.#pass(() => this.#unfinished.isOver(true), CALM / 4 + 3 * lease)
    // All may be shutting down, or down.
    if (!(await this.#pass(() => this.ups.length > 0, CALM))) return
    this.#deeds.stopAll()
    this.#deeds.chats.lookAtAll()
    if (!(await this.#pass(() => this.#unfinished.isOver(false), CALM + 3 * lease))) return
    this.#unfinished.note()
    // What was cut has a while to end.
    if (!(await this.#pass(() => false, 10))) return
    for (const one of this.#processes()) {
      for (const run of one.generating)
        this.miss('generations', `${one.name} goes on with a generation of ${run}`)
    }
    await this.#leave()
    this.checker.finish(this.shared.damaged)
  }

  /** Lets time pass until `condition`, or for so long. False once something is wrong. */
  async #pass(condition: () => boolean, atMost: number): Promise<boolean> {
    const isWrong = (): boolean => this.checker.violations.length > 0
    const isStuck = (): boolean => this.time.fired > MOST_TIMERS
    await this.time.passUntil(() => isWrong() || isStuck() || condition(), atMost)
    if (isStuck()) this.miss('answered', `${MOST_TIMERS} timers, and no end`)
    return !isWrong()
  }

  /** From here on nothing disturbs anybody. */
  #calmDown(): void {
    this.trace('nothing disturbs any more')
    this.#calm = true
    this.storeOffset = 0
    for (const store of this.#stores) {
      store.faults.rates = NO_FAULTS
      store.faults.outage = undefined
      store.calls.doom = undefined
      store.calls.recover()
    }
    for (const { host } of this.#processes()) {
      host.wallOffset = 0
      host.thaw()
    }
    for (let slot = 0; slot < this.plan.processes; slot++) this.boot(slot)
  }

  async #leave(): Promise<void> {
    this.#leaving = true
    for (const reader of this.readers) reader.close()
    const closing = new Set<Promise<void>>()
    for (const one of this.#processes()) {
      const closed = one.host.call(() => one.close()).finally(() => closing.delete(closed))
      closing.add(closed)
    }
    if (!(await this.#pass(() => closing.size === 0, CALM))) return
    if (closing.size > 0) this.miss('answered', 'a process does not close')
    await this.#pass(() => false, 3)
    const left = this.#processes().flatMap((one) => one.leftovers().map((what) => `${one.name}: ${what}`))
    for (const { host, plan } of this.readers)
      for (const { name } of host.timers.values()) left.push(`${plan.name}: ${name}`)
    for (const host of this.clients)
      for (const { name } of host.timers.values()) left.push(`${host.name}: ${name}`)
    if (left.length > 0) this.miss('nothing-left', `what closed has left ${left.join(', ')}`)
  }

  /** Whether it lives, stays, and nothing happened to it, its calls or the store's clock. */
  #isWell(holder: string): boolean {
    const { coverage } = this
    if (coverage.count('jumps') > 0) return false
    const process = this.#slots.find((one) => one?.name === holder)
    return process !== undefined && process.up && process.host.isWell
  }

  #processes(): ServerProcess[] {
    return this.#slots.filter((one) => one !== undefined && one.host.alive) as ServerProcess[]
  }

  #created(run: string, metadata: Json): void {
    const script = metadata as unknown as AskedScript | null
    if (typeof script !== 'object' || script?.tag === undefined) return
    this.#deeds.runs.set(run, script)
    this.note({ type: 'run-asked', run, source: sourceOf(this.plan, script) })
  }

  #count(fact: Fact): void {
    if (fact.type === 'kept') {
      for (const one of this.#processes()) one.noteHeld()
      this.coverage.add('records', fact.records.length)
      if (fact.closed) this.coverage.add('ends')
    }
    if (fact.type === 'upstream-over' && fact.how === 'cancelled') this.coverage.add('cancels')
    if (fact.type === 'ended-called') {
      const before = this.checker.logs.get(`${fact.stream} ${fact.incarnation}`)?.told.size
      this.coverage.add(before ? 'toldAgain' : 'told')
    }
  }

  /** Something that is due has not come. */
  miss(invariant: Invariant, what: string): void {
    this.note({ type: 'missed', invariant, what })
  }

  #escaped(error: unknown): void {
    const { stack, message } = error as Error
    this.note({ type: 'missed', invariant: 'no-fault', what: stack ?? message ?? String(error) })
  }
}
