/** What happens to the system in a chaos test, one after the other: the order is the seed's, the pace the records'. */
import type { TcpBalancer } from '../support/tcp-balancer.ts'
import type { Chance } from './chance.ts'
import type { Fleet } from './fleet.ts'
import type { Journal } from './journal.ts'
import { orAborted } from './or-aborted.ts'
import type { Progress } from './progress.ts'
import type { Readers } from './readers.ts'
import type { StoreFault } from './stores.ts'
import { RUNS } from './workload.ts'

/** Kills without a further purpose: those of the owners of fleeting runs and those about a stop come on top. */
const KILLS = 6
/** So many processes answer before one is killed, so that some are left. */
const QUORUM = 3

export interface StopReport {
  readonly run: string
  readonly how: string
  readonly answer: string
  readonly ms: number
}

export interface ActsOptions {
  readonly chance: Chance
  readonly fleet: Fleet
  readonly balancer: TcpBalancer
  readonly readers: Readers
  readonly progress: Progress
  readonly journal: Journal
  readonly faults: readonly StoreFault[]
  readonly signal: AbortSignal
}

interface Act {
  readonly name: string
  readonly act: () => Promise<void>
}

export class Acts {
  /** How each stop was pressed, what it was answered and after how many milliseconds. */
  readonly stops: StopReport[] = []
  /** What was done to the store. */
  readonly faults: string[] = []
  readonly #options: ActsOptions

  constructor(options: ActsOptions) {
    this.#options = options
  }

  /** Resolves when all has happened, and has had its effect. */
  async run(): Promise<void> {
    const { chance, progress, readers, journal, signal } = this.#options
    const acts = this.#all()
    journal.note(`to come: ${acts.map(({ name }) => name).join(', ')}`)
    for (const { name, act } of acts) {
      await progress.more(chance.between(500, 2_000), signal)
      journal.note(name)
      await orAborted(act(), signal)
    }
    await progress.more(1_000, signal)
    const interrupted = RUNS.filter(({ end }) => end.status === 'failed')
    await Promise.all(interrupted.map(({ id }) => progress.until(() => !!readers.endOf(id), signal)))
  }

  #all(): Act[] {
    const { chance, faults, journal } = this.#options
    const fleeting = RUNS.filter(({ end }) => end.status === 'failed')
    const stopped = RUNS.filter(({ end }) => end.status === 'stopped')
    const ways = chance.shuffled(['', '', 'its owner dies', 'its entry dies'])
    return chance.shuffled([
      ...Array.from({ length: KILLS }, () => ({ name: 'kill', act: () => this.#killAny() })),
      ...fleeting.map(({ id }) => ({ name: `interrupt ${id}`, act: () => this.#interrupt(id) })),
      ...stopped.map(({ id }, index) => {
        return { name: `stop ${id}`, act: () => this.#stop(id, ways[index] ?? '') }
      }),
      ...faults.map(({ name, act }) => ({
        name,
        act: async () => {
          await act(journal)
          this.faults.push(name)
        },
      })),
    ])
  }

  async #killAny(): Promise<void> {
    const { chance, fleet, signal } = this.#options
    await fleet.answering(QUORUM, signal)
    const { alive, busy } = fleet
    // One that takes over takes all there is, so that most of them have no run.
    await fleet.kill(chance.pick(busy.length > 0 && chance.next() < 0.6 ? busy : alive))
  }

  /** Kills whoever works on a run. */
  async #interrupt(run: string): Promise<void> {
    const { fleet, signal } = this.#options
    await fleet.answering(QUORUM, signal)
    const owner = fleet.ownerOf(run)
    // An earlier kill may have hit it.
    if (owner !== undefined && fleet.alive.includes(owner)) await fleet.kill(owner)
    else await this.#killAny()
  }

  /** Stops a run through a process that does not work on it. */
  async #stop(run: string, how: string): Promise<void> {
    const { chance, fleet, balancer, readers, progress, journal, signal } = this.#options
    await progress.until(() => readers.recordsOf(run) >= 50, signal)
    await fleet.answering(QUORUM, signal)
    const owner = fleet.ownerOf(run)
    const entry = chance.pick(fleet.alive.filter((name) => name !== owner))
    // A client whose entry dies comes back through the balancer, and asks again.
    const port = how === 'its entry dies' ? balancer.port : fleet.portOf(entry)
    const client = readers.newClient('socket', port)
    const way = [`through ${entry}`, `owned by ${owner ?? 'none'}`, how].filter(Boolean).join(', ')
    journal.note(`stop ${run} ${way}`)
    const since = performance.now()
    const stopping = orAborted(client.stop(run), signal)
    // Looked at below, behind a kill.
    stopping.catch(() => undefined)
    if (how === 'its owner dies' && owner !== undefined && fleet.alive.includes(owner))
      await fleet.kill(owner)
    if (how === 'its entry dies') await fleet.kill(entry)
    const answer = await stopping
    const ms = performance.now() - since
    client.close()
    journal.note(`stop ${run} answered ${answer} after ${ms.toFixed(0)} ms`)
    this.stops.push({ run, how, answer, ms })
  }
}
