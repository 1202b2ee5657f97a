/** The stores under the chaos test, and what can be done to each. */
import { join } from 'node:path'
import type { Journal } from './journal.ts'
import type { StoreConfig } from './store-config.ts'

export interface StoreFault {
  readonly name: string
  readonly act: (journal: Journal) => Promise<void>
}

export interface ChaosStore {
  readonly name: string
  readonly config: StoreConfig
  /** Each happens once. */
  readonly faults: readonly StoreFault[]
  close(): Promise<void>
}

/** One file that all processes share. */
export function sqliteStore(folder: string): ChaosStore {
  return {
    name: 'SQLite',
    config: { type: 'sqlite', path: join(folder, 'streams.db') },
    faults: [],
    close: () => Promise.resolve(),
  }
}
