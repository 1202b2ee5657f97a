import type { RunEnd } from '../../src/protocol/run-end.ts'

/** One life of a stream, as it was kept. */
export interface KeptLog {
  readonly stream: string
  readonly incarnation: string
  readonly records: string[]
  closed: boolean
  removed: boolean
  /** Position before the first record that is kept. */
  first: number
  /** How it ended, if it was closed with the end of a run. */
  end?: RunEnd | undefined
  /** Of the lease: whether there ever was one, and the highest epoch that wrote or was given. */
  epoch: number
  readonly holders: Map<number, string>
  /** Whether its kind is to be told of its end. */
  owes: boolean
  /** The calls of that, with who was called, and how each is over. */
  readonly told: Map<number, { readonly by: string; how?: 'returned' | 'failed' }>
  /** Generations in a row that died without a record, and how long the log was when the last one began. */
  barren: number
  begunAt: number
  hasDied: boolean
}

export interface KeptLogs {
  /** By stream and incarnation. */
  readonly logs: ReadonlyMap<string, KeptLog>
  /** The latest life of each id. */
  readonly current: ReadonlyMap<string, KeptLog>
}
