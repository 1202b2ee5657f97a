/** The processes that serve: started, killed with `kill -9` and started again, each on a port of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Journal } from './journal.ts'
import type { WorkerConfig, WorkerNews } from './worker.ts'

/** One place among the processes; whoever dies there is followed by another one. */
interface Slot {
  readonly name: string
  /** Counts the processes that were here. */
  generation: number
  process: ChildProcess | undefined
  /** Kept when the process is dead, and refuses connections then. */
  port: number | undefined
  ready: boolean
}

export interface FleetOptions {
  readonly size: number
  readonly config: WorkerConfig
  readonly journal: Journal
  /** For `NODE_COMPILE_CACHE`: later processes start sooner. */
  readonly cache: string
  /** A process could not be started, or ended by itself. */
  readonly failed: (error: Error) => void
  /** A run goes on in a process, so long after it lost the last one. */
  readonly moved: (run: string, afterMs: number) => void
}

export class Fleet {
  readonly #options: FleetOptions
  readonly #slots: readonly Slot[]
  /** Who works on each run, the last one last: another one may find out late that it lost its lease. */
  readonly #owners = new Map<string, Slot[]>()
  /** Since when a run has no process, on the clock of `performance.now()`. */
  readonly #orphans = new Map<string, number>()
  readonly #starting = new Set<Promise<void>>()
  readonly #waiting = new Set<() => void>()
  #closed = false
  kills = 0

  private constructor(options: FleetOptions) {
    this.#options = options
    this.#slots = Array.from({ length: options.size }, (_, index) => ({
      name: `P${index + 1}`,
      generation: 0,
      process: undefined,
      port: undefined,
      ready: false,
    }))
  }

  static async start(options: FleetOptions): Promise<Fleet> {
    const fleet = new Fleet(options)
    await Promise.all(fleet.#slots.map((slot) => fleet.#start(slot)))
    return fleet
  }

  /** Those of the dead included, as a balancer would have them that does not ask. */
  get ports(): readonly number[] {
    return this.#slots.flatMap(({ port }) => port ?? [])
  }

  /** The names of those that answer. */
  get alive(): readonly string[] {
    return this.#slots.filter(({ ready }) => ready).map(({ name }) => name)
  }

  /** The names of those that answer and work on runs. */
  get busy(): readonly string[] {
    const working = new Set([...this.#owners.values()].flatMap((owners) => owners.at(-1) ?? []))
    return [...working].filter(({ ready }) => ready).map(({ name }) => name)
  }

  /** Which process works on a run, as far as it was told; undefined when that one is dead. */
  ownerOf(run: string): string | undefined {
    return this.#owners.get(run)?.at(-1)?.name
  }

  /** A run has ended. Since when it had no process, if it had none. */
  ended(run: string): number | undefined {
    const since = this.#orphans.get(run)
    this.#owners.delete(run)
    this.#orphans.delete(run)
    return since
  }

  portOf(name: string): number {
    return this.#slot(name).port ?? 0
  }

  /** Resolves when so many of them answer; rejects with the reason of the signal. */
  async answering(count: number, signal: AbortSignal): Promise<void> {
    const ready = Promise.withResolvers<void>()
    const look = (): void => {
      if (this.alive.length >= count) ready.resolve()
    }
    const abort = (): void => ready.reject(signal.reason)
    this.#waiting.add(look)
    signal.addEventListener('abort', abort, { once: true })
    try {
      look()
      if (signal.aborted) abort()
      await ready.promise
    } finally {
      this.#waiting.delete(look)
      signal.removeEventListener('abort', abort)
    }
  }

  /** Ends a process at once, and starts the one that follows it, which is not waited for. */
  async kill(name: string): Promise<void> {
    const slot = this.#slot(name)
    const { process: dying } = slot
    if (!dying || !slot.ready) throw new Error(`${name} is dead already`)
    const runs = [...this.#owners.keys()].filter((run) => this.#owners.get(run)?.includes(slot))
    this.#options.journal.note(`kill -9 ${label(slot)}, which had ${runs.join(' ') || 'no run'}`)
    this.kills++
    slot.ready = false
    slot.process = undefined
    const exited = once(dying, 'exit')
    dying.kill('SIGKILL')
    await exited
    for (const run of runs) {
      if (this.#leave(run, slot) === 0) this.#orphans.set(run, performance.now())
    }
    const starting = this.#start(slot).catch((error: unknown) => this.#options.failed(error as Error))
    this.#starting.add(starting)
    void starting.then(() => this.#starting.delete(starting))
  }

  async close(): Promise<void> {
    this.#closed = true
    const ending = this.#slots.map(async ({ process: running }) => {
      if (!running || running.exitCode !== null || running.signalCode !== null) return
      const exited = once(running, 'exit')
      running.kill('SIGKILL')
      await exited
    })
    await Promise.all([...ending, ...this.#starting])
  }

  #slot(name: string): Slot {
    const slot = this.#slots.find((one) => one.name === name)
    if (!slot) throw new Error(`There is no process ${name}`)
    return slot
  }

  /** Resolves when it answers. */
  async #start(slot: Slot): Promise<void> {
    if (this.#closed) return
    slot.generation++
    const { journal, config, cache } = this.#options
    const child = spawn(
      'node',
      ['--conditions=millrace:source', 'test/chaos/worker.ts', JSON.stringify(config)],
      { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, NODE_COMPILE_CACHE: cache } },
    )
    slot.process = child
    const name = label(slot)
    createInterface({ input: child.stderr }).on('line', (line) => journal.note(`${name}: ${line}`))
    const ready = Promise.withResolvers<void>()
    createInterface({ input: child.stdout }).on('line', (line) => {
      const news = JSON.parse(line) as WorkerNews
      if ('ready' in news) {
        slot.port = news.ready
        ready.resolve()
      } else this.#hear(slot, child, news)
    })
    child.once('exit', (code) => {
      // Whoever kills it takes it out of its slot before.
      if (slot.process !== child || this.#closed) return ready.resolve()
      const error = new Error(`${name} ended by itself with ${code}`)
      ready.reject(error)
      this.#options.failed(error)
    })
    await ready.promise
    if (this.#closed) return
    slot.ready = true
    journal.note(`${name} answers on port ${slot.port}`)
    for (const look of this.#waiting) look()
  }

  #hear(slot: Slot, child: ChildProcess, news: Exclude<WorkerNews, { readonly ready: number }>): void {
    const { journal, moved } = this.#options
    // Its last words may come after its death.
    const lives = slot.process === child
    if ('cut' in news) {
      journal.note(`${label(slot)} cuts ${news.cut}: ${news.reason}`)
      if (lives) this.#leave(news.cut, slot)
      return
    }
    journal.note(`${label(slot)} works on ${news.began}`)
    if (!lives) return
    const since = this.#orphans.get(news.began)
    this.#orphans.delete(news.began)
    this.#leave(news.began, slot)
    this.#owners.set(news.began, [...(this.#owners.get(news.began) ?? []), slot])
    if (since !== undefined) moved(news.began, performance.now() - since)
  }

  /** How many are left that work on it. */
  #leave(run: string, slot: Slot): number {
    const left = this.#owners.get(run)?.filter((one) => one !== slot) ?? []
    this.#owners.set(run, left)
    return left.length
  }
}

function label({ name, generation }: Slot): string {
  return `${name}.${generation}`
}
