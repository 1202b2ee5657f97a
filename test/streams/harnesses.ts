/** The stores, put to the suite's test on clocks that move when they are told. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryStreams } from '../../src/streams/memory.ts'
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
