/**
 * One chaos test on one store: four processes behind a plain TCP balancer, ten runs, fifty readers; and
 * meanwhile processes are killed, connections cut and held up, runs stopped and the store itself hurt,
 * in an order that a seed decides and at a pace that the records do.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ResponsesMock } from '../support/responses-mock.ts'
import { TcpBalancer } from '../support/tcp-balancer.ts'
import { Acts, type StopReport } from './acts.ts'
import { Chance } from './chance.ts'
import { Fleet } from './fleet.ts'
import { Journal } from './journal.ts'
import { orAborted } from './or-aborted.ts'
import { Progress } from './progress.ts'
import { readLog } from './read-log.ts'
import { type Heard, type ReaderPlan, Readers, fiftyReaders } from './readers.ts'
import type { ChaosStore } from './stores.ts'
import { RUNS } from './workload.ts'

const PROCESSES = 4
/** Seconds. Shorter, and a busy machine has processes lose their leases that live. */
const LEASE_TTL = 2
/** Seconds without any record or end after which the test has stopped, however slow the machine. */
const STUCK = 60

export interface ChaosReport {
  readonly readers: readonly (Heard & { readonly plan: ReaderPlan })[]
  /** The log of each run as each process tells it over plain HTTP, in its own words. */
  readonly logs: ReadonlyMap<string, readonly string[]>
  readonly mock: ResponsesMock['report']
  readonly kills: number
  readonly faults: readonly string[]
  readonly stops: readonly StopReport[]
  /** Milliseconds from a death to the run's going on, or to its end, in another process. */
  readonly takeovers: readonly number[]
  readonly summary: string
  /** All that happened. */
  readonly journal: string
}

export class ChaosRun {
  readonly #store: ChaosStore
  readonly #seed: number
  readonly #journal = new Journal()
  readonly #progress = new Progress()
  readonly #over = new AbortController()
  readonly #gate: string
  readonly #folder: string
  readonly #takeovers: number[] = []
  #mock!: ResponsesMock
  #fleet!: Fleet
  #balancer!: TcpBalancer
  #readers!: Readers
  #acts!: Acts

  constructor(store: ChaosStore, folder: string, seed: number) {
    this.#store = store
    this.#seed = seed
    this.#folder = folder
    this.#gate = join(folder, 'gate')
  }

  /** Throws, with all that helps to find out why, when something is not as it must be. */
  async run(): Promise<ChaosReport> {
    const stuck = setInterval(() => {
      if (performance.now() - this.#progress.lastAt < STUCK * 1000) return
      this.#over.abort(new Error(`Nothing came for ${STUCK} s`))
    }, 1000)
    try {
      await this.#open()
      return await this.#chaos()
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.#diagnosis()}`, { cause: error })
    } finally {
      clearInterval(stuck)
      await this.#close()
    }
  }

  async #open(): Promise<void> {
    const seed = this.#seed
    this.#mock = await ResponsesMock.start()
    this.#fleet = await Fleet.start({
      size: PROCESSES,
      journal: this.#journal,
      cache: join(this.#folder, 'cache'),
      config: {
        store: this.#store.config,
        model: this.#mock.baseURL,
        leaseTtl: LEASE_TTL,
        gate: this.#gate,
      },
      failed: (error) => this.#over.abort(error),
      moved: (_run, afterMs) => this.#takeovers.push(afterMs),
    })
    const balancing = new Chance(seed, 'balancer')
    this.#balancer = await TcpBalancer.start({
      backends: () => this.#fleet.ports,
      pick: (count) => balancing.between(0, count),
    })
    this.#readers = new Readers({
      port: this.#balancer.port,
      progress: this.#progress,
      signal: this.#over.signal,
      ended: (run, { status, reason, records }) =>
        this.#ended(run, [status, reason].filter(Boolean).join(', '), records.length),
    })
    this.#acts = new Acts({
      chance: new Chance(seed, 'acts'),
      fleet: this.#fleet,
      balancer: this.#balancer,
      readers: this.#readers,
      progress: this.#progress,
      journal: this.#journal,
      faults: this.#store.faults,
      signal: this.#over.signal,
    })
  }

  async #close(): Promise<void> {
    this.#readers?.close()
    await this.#fleet?.close()
    await this.#balancer?.close()
    await this.#mock?.close()
  }

  async #chaos(): Promise<ChaosReport> {
    await orAborted(this.#startRuns(), this.#over.signal)
    const plans = fiftyReaders(new Chance(this.#seed, 'readers'))
    const reading = Promise.all(
      plans.map(async (plan) => ({ plan, ...(await this.#orFail(this.#readers.read(plan))) })),
    )
    const calm = new AbortController()
    const cutting = this.#orFail(this.#cutConnections(calm.signal))
    const acting = this.#orFail(this.#acts.run()).finally(() => calm.abort())
    const [readers] = await Promise.all([reading, cutting, acting.then(() => this.#calmDown())])
    return {
      readers,
      logs: await this.#readLogs(),
      mock: this.#mock.report,
      kills: this.#fleet.kills,
      faults: this.#acts.faults,
      stops: this.#acts.stops,
      takeovers: this.#takeovers,
      summary: this.#summary(),
      journal: this.#journal.tail(Number.POSITIVE_INFINITY),
    }
  }

  /** Everybody is back, and the sources may come to their ends. */
  async #calmDown(): Promise<void> {
    await this.#fleet.answering(PROCESSES, this.#over.signal)
    this.#journal.note('the chaos is over')
    await writeFile(this.#gate, '')
  }

  /** What fails ends the whole, at once. */
  async #orFail<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (error) {
      this.#over.abort(error)
      throw this.#over.signal.reason
    }
  }

  async #startRuns(): Promise<void> {
    const starters = [this.#readers.newClient('socket'), this.#readers.newClient('http')]
    await Promise.all(
      RUNS.map(async ({ id, source }, index) => {
        const starter = starters[index % starters.length]
        ;(await starter?.start({ ...source }, { id }))?.close()
      }),
    )
  }

  /** Cuts connections, and holds some up for a while. */
  async #cutConnections(calm: AbortSignal): Promise<void> {
    const chance = new Chance(this.#seed, 'cuts')
    const signal = AbortSignal.any([calm, this.#over.signal])
    const resume: (() => void)[] = []
    while (!signal.aborted) {
      await this.#progress.more(chance.between(200, 1_000), signal).catch(() => undefined)
      const { connections } = this.#balancer
      if (signal.aborted || connections === 0) continue
      if (chance.next() < 0.7) this.#balancer.cut(chance.between(0, connections))
      else resume.push(this.#balancer.stall(chance.between(0, connections)))
      // The oldest one goes on.
      if (resume.length > 3) resume.shift()?.()
    }
    for (const go of resume) go()
    this.#over.signal.throwIfAborted()
  }

  #ended(run: string, how: string, records: number): void {
    const orphanedAt = this.#fleet.ended(run)
    if (orphanedAt !== undefined) this.#takeovers.push(performance.now() - orphanedAt)
    this.#journal.note(`${run} is ${how} after ${records} records`)
  }

  /** Asks every process for every log. */
  async #readLogs(): Promise<Map<string, string[]>> {
    const ports = this.#fleet.ports
    const logs = RUNS.map(
      async ({ id }) => [id, await Promise.all(ports.map((port) => readLog(port, id)))] as const,
    )
    return new Map(await Promise.all(logs))
  }

  #summary(): string {
    const stops = this.#acts.stops.map(({ how, ms }) => `${ms.toFixed(0)} ms${how && ` (${how})`}`)
    const longest = Math.max(0, ...this.#takeovers)
    return (
      `chaos on ${this.#store.name}, seed ${this.#seed}: ${this.#progress.count} records and ends delivered; ` +
      `${this.#fleet.kills} kills; ${this.#acts.faults.join(', ') || 'the store left alone'}; ` +
      `${this.#balancer.refusals} connections refused and passed on; stops answered after ${stops.join(', ')}; ` +
      `${this.#takeovers.length} takeovers, the longest after ${longest.toFixed(0)} ms`
    )
  }

  #diagnosis(): string {
    return [
      `To see it again: MILLRACE_CHAOS_SEED=${this.#seed} (store: ${this.#store.name})`,
      'Readers that have not ended:',
      this.#readers?.report() ?? '',
      'What happened:',
      this.#journal.tail(400),
    ].join('\n')
  }
}
