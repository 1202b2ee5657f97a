/**
 * Runs in several processes on one store, in a time that moves when it is told: timers and clocks are
 * fake, the turns of the event loop are real.
 */
import { rmSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, vi } from 'vitest'
import type { Json } from '../../src/protocol/json.ts'
import type { RunsOptions } from '../../src/runs/options.ts'
import { Runs } from '../../src/runs/runs.ts'
import { memory } from '../../src/streams/memory/store.ts'
import { sqlite } from '../../src/streams/sqlite/sqlite.ts'
import type { StreamStoreOptions } from '../../src/streams/options.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import { InterposedStore } from './interposed-store.ts'
import { RecordingLogger } from './recording-logger.ts'

const STEP_MS = 20
/** More than any chain of calls here takes; then what is waited for does not come. */
const MAX_TURNS = 5000

export interface Mortal {
  readonly runs: Runs
  readonly hand: InterposedStore
  readonly kill: () => void
}

export class World {
  readonly kind: 'memory' | 'sqlite'
  readonly logger = new RecordingLogger()
  readonly #folder: string | undefined
  readonly #options: StreamStoreOptions
  readonly #stores: StreamStore[] = []
  readonly #processes: Runs[] = []

  constructor(kind: World['kind'], options: StreamStoreOptions = {}) {
    this.kind = kind
    this.#options = options
    if (kind === 'sqlite') this.#folder = mkdtempSync(join(tmpdir(), 'millrace-runs-'))
  }

  /** The store as a process opens it: one object for all in memory, a connection each on SQLite. */
  open(): StreamStore {
    if (this.#folder === undefined) this.#stores[0] ??= memory(this.#options)
    else this.#stores.push(sqlite(join(this.#folder, 'streams.db'), this.#options))
    return this.#stores.at(-1) as StreamStore
  }

  /** The store as the test looks at it. */
  get store(): StreamStore {
    return this.#stores[0] ?? this.open()
  }

  process(options: Partial<RunsOptions> = {}): Runs {
    const runs = new Runs({ store: this.open(), logger: this.logger, ...options })
    this.#processes.push(runs)
    return runs
  }

  /** A process that can die, stand still, or have a store that fails. */
  mortal(options: Partial<RunsOptions> = {}): Mortal {
    const hand = new InterposedStore(this.open())
    const runs = this.process({ ...options, store: hand.store })
    const kill = (): void => {
      hand.kill()
      this.#processes.splice(this.#processes.indexOf(runs), 1)
    }
    return { runs, hand, kill }
  }

  /** Lets time pass, and with it what happens in it. */
  async pass(seconds: number): Promise<void> {
    for (let left = seconds * 1000; left > 0; left -= STEP_MS) {
      vi.advanceTimersByTime(Math.min(left, STEP_MS))
      await settle()
    }
  }

  /** Waits for what needs no time. */
  async until(condition: () => unknown): Promise<void> {
    for (let turns = 0; turns < MAX_TURNS; turns++) {
      if (await condition()) return
      await turn()
    }
    throw new Error(`It did not come: ${String(condition)}`)
  }

  /** Closes the runs of a process, in the time that it takes. */
  async close(runs: Runs): Promise<void> {
    let closed = false
    const closing = runs.close().then(() => (closed = true))
    await this.passUntil(() => closed, 60)
    await closing
  }

  /** Lets time pass until it is so; seconds that took. */
  async passUntil(condition: () => unknown, atMost: number): Promise<number> {
    for (let passed = 0; passed <= atMost; passed += STEP_MS / 1000) {
      if (await condition()) return passed
      await this.pass(STEP_MS / 1000)
    }
    throw new Error(`It did not come in ${atMost} s: ${String(condition)}`)
  }

  /** All records of a stream, and behind them `{ end }` with what it is closed with, once it is. */
  async records(id: string): Promise<readonly Json[]> {
    const page = await this.store.read(id, 'start')
    if (page.outcome !== 'page') throw new Error(`${id} is ${page.outcome}`)
    const records = page.records.map((record) => JSON.parse(record as string) as Json)
    return page.closed ? [...records, { end: page.end ?? null }] : records
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#processes.map((runs) => this.close(runs)))
    await Promise.all(this.#stores.map((store) => store.close()))
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
  }
}

async function settle(): Promise<void> {
  for (let turns = 0; turns < 4; turns++) await turn()
}

export function useFakeTime(): void {
  vi.useFakeTimers({
    toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'],
  })
}

/** The same tests on every store. */
export function onEveryStore(name: string, body: (world: () => World) => void): void {
  describe.each(['memory', 'sqlite'] as const)(`${name}, on %s streams`, (kind) => {
    let world: World
    beforeEach(() => {
      useFakeTime()
      world = new World(kind)
    })
    afterEach(async () => {
      try {
        await world.dispose()
      } finally {
        vi.useRealTimers()
      }
    })
    body(() => world)
  })
}
