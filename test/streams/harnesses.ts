/** The stores, put to the suite's test on clocks that move when they are told. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { memoryStreams } from '../../src/streams/memory.ts'
import { redisStreams } from '../../src/streams/redis.ts'
import type { RedisStreamsOptions } from '../../src/streams/redis.ts'
import { sqliteStreams } from '../../src/streams/sqlite.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamStoreHarness } from '../../src/testing/stream-store-cases.ts'

const ONE_PROCESS = 'the memory store lives in one process'

const START = Date.UTC(2026, 0, 1)

export function memoryHarness(): StreamStoreHarness {
  let now = START
  return {
    make: (options) => memoryStreams({ ...options, clock: () => now }),
    advance(milliseconds) {
      now += milliseconds
    },
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
  let now = START
  let files = 0
  const paths = new Map<StreamStore, string>()
  const open = (path: string, options: object): StreamStore => {
    const store = sqliteStreams(path, { ...options, clock: () => now })
    paths.set(store, path)
    return store
  }
  return {
    make: (options = {}) => open(join(folder, `streams-${++files}.db`), options),
    peer: (of) => open(paths.get(of) as string, {}),
    advance(milliseconds) {
      now += milliseconds
    },
  }
}

let prefixes = 0

/** A prefix for the keys of a store that shares its Redis with others. */
export function newPrefix(): string {
  return `test-${process.pid}-${++prefixes}`
}

/** Stores on one Redis, each with keys of its own; a peer has a connection of its own, and the same keys. */
export function redisHarness(
  where: Pick<RedisStreamsOptions, 'url' | 'host' | 'cluster'>,
): StreamStoreHarness {
  let now = START
  const prefixes = new Map<StreamStore, string>()
  const open = (prefix: string, options: Pick<RedisStreamsOptions, 'limits'>): StreamStore => {
    const store = redisStreams({ ...where, ...options, prefix, clock: () => now })
    prefixes.set(store, prefix)
    return store
  }
  return {
    make: (options = {}) => open(newPrefix(), options),
    peer: (of) => open(prefixes.get(of) as string, {}),
    advance(milliseconds) {
      now += milliseconds
    },
  }
}
