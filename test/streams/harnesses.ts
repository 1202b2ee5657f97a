/** The stores, put to the suite's test on clocks that move when they are told. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { memory } from '../../src/streams/memory/store.ts'
import { redis } from '../../src/streams/redis/open.ts'
import type { RedisStoreOptions } from '../../src/streams/redis/open.ts'
import { sqlite } from '../../src/streams/sqlite/sqlite.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamStoreHarness } from '../../src/conformance/stream-store-cases.ts'

const ONE_PROCESS = 'the memory store lives in one process'

const START = Date.UTC(2026, 0, 1)

/** The clock and the monotonic time of a harness. */
class Time {
  #now = START
  #monotonic = 0
  readonly clocks = { clock: () => this.#now, monotonic: () => this.#monotonic }

  advance(milliseconds: number): void {
    this.#now += milliseconds
    this.#monotonic += Math.max(0, milliseconds)
  }

  jump(milliseconds: number): void {
    this.#now += milliseconds
  }
}

export function memoryHarness(): StreamStoreHarness {
  const time = new Time()
  return {
    make: (options) => memory({ ...options, ...time.clocks }),
    advance: (milliseconds) => time.advance(milliseconds),
    jump: (milliseconds) => time.jump(milliseconds),
    cannot: { peers: ONE_PROCESS },
  }
}

/** A folder that is removed by `dispose`. */
export function temporaryFolder(): { path: string; dispose: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'millrace-streams-'))
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) }
}

/** Files in `folder`; a peer has a connection of its own, as another process would. */
export function sqliteHarness(folder: string): StreamStoreHarness {
  const time = new Time()
  let files = 0
  const paths = new Map<StreamStore, string>()
  const open = (path: string, options: object): StreamStore => {
    const store = sqlite(path, { ...options, ...time.clocks })
    paths.set(store, path)
    return store
  }
  return {
    make: (options = {}) => open(join(folder, `streams-${++files}.db`), options),
    peer: (of) => open(paths.get(of) as string, { limits: of.limits }),
    advance: (milliseconds) => time.advance(milliseconds),
    jump: (milliseconds) => time.jump(milliseconds),
  }
}

let prefixes = 0

/** A prefix for the keys of a store that shares its Redis with others. */
export function newPrefix(): string {
  return `test-${process.pid}-${++prefixes}`
}

/** Stores on one Redis, each with keys of its own; a peer has a connection of its own, and the same keys. */
export function redisHarness(where: Pick<RedisStoreOptions, 'url' | 'host' | 'cluster'>): StreamStoreHarness {
  const time = new Time()
  const prefixes = new Map<StreamStore, string>()
  const open = (prefix: string, options: Pick<RedisStoreOptions, 'limits'>): StreamStore => {
    const store = redis({ ...where, ...options, prefix, ...time.clocks })
    prefixes.set(store, prefix)
    return store
  }
  return {
    make: (options = {}) => open(newPrefix(), options),
    peer: (of) => open(prefixes.get(of) as string, { limits: of.limits }),
    advance: (milliseconds) => time.advance(milliseconds),
    jump: (milliseconds) => time.jump(milliseconds),
  }
}
