/**
 * A machine of the simulation: a server process or the program of a client. It owns every timer that its
 * code sets, and so it can die (nothing of it runs any more), stand still (nothing runs until it goes on),
 * and be asked what it left behind.
 *
 * Whose code runs is known by its asynchronous context, which timers, answers and messages set.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { Chance } from '../chaos/chance.ts'

const running = new AsyncLocalStorage<Host>()

/** Whose code this is; undefined for that of the simulation itself. */
export function currentHost(): Host | undefined {
  return running.getStore()
}

export interface OwnedTimer {
  readonly name: string
  /** Whether it is set again by itself. */
  readonly repeats: boolean
}

export class Host {
  readonly name: string
  /** Draws what its code takes for random. */
  readonly chance: Chance
  /** What it has set and not cleared. */
  readonly timers = new Map<unknown, OwnedTimer>()
  /** Milliseconds that its wall clock is ahead. */
  wallOffset = 0
  /** Whether it never stood still, and its store served every call of it. */
  isWell = true
  #alive = true
  /** What came while it stands still, in order; a timer that repeats once. */
  #held: Map<unknown, () => void> | undefined
  readonly #onDeath: (() => void)[] = []

  constructor(name: string, seed: number) {
    this.name = name
    this.chance = new Chance(seed, `host ${name}`)
  }

  get alive(): boolean {
    return this.#alive
  }

  get frozen(): boolean {
    return this.#held !== undefined
  }

  /** Runs a task as code of this host: now, when it goes on, or never. */
  run(task: () => void, key: unknown = task): void {
    if (!this.#alive) return
    if (this.#held) this.#held.set(key, task)
    else running.run(this, task)
  }

  /** Calls a function as code of this host, which lives and does not stand still. */
  call<T>(work: () => T): T {
    return running.run(this, work)
  }

  /** Nothing of it runs any more. */
  kill(): void {
    if (!this.#alive) return
    this.#alive = false
    this.#held = undefined
    this.timers.clear()
    for (const mourn of this.#onDeath) mourn()
  }

  /** For what the world has to take back when it dies. */
  onDeath(mourn: () => void): void {
    this.#onDeath.push(mourn)
  }

  freeze(): void {
    this.isWell = false
    if (this.#alive) this.#held ??= new Map()
  }

  thaw(): void {
    const held = this.#held
    this.#held = undefined
    for (const task of held?.values() ?? []) this.run(task)
  }
}
