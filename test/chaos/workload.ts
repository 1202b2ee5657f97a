/** The ten runs of the chaos test: what each is made from, how it is to end, and what its records must be. */

/** What the kinds of test/chaos/worker.ts are made from. */
export type Source =
  | {
      readonly type: 'counting'
      /** It ends at the first hundred from here on once the chaos is over. Null: it never ends by itself. */
      readonly atLeast: number | null
      /** Numbers between two checkpoints. */
      readonly every: number
      readonly paceMs: number
    }
  | { readonly type: 'answering'; readonly prompt: string; readonly words: number }

export interface Run {
  readonly id: string
  /** Undefined: a provider that only the process has which started it. */
  readonly kind: 'counting' | 'answering' | 'fleeting' | undefined
  readonly source: Source
  readonly end: { readonly status: 'completed' | 'stopped' | 'failed'; readonly reason?: string }
}

const PACE_MS = 10
/** Counts end at a multiple of this. */
export const HUNDRED = 100

function counting(every: number): Source {
  return { type: 'counting', atLeast: 600, every, paceMs: PACE_MS }
}
const endless: Source = { type: 'counting', atLeast: null, every: 1, paceMs: PACE_MS }
/** It says its words whatever happens here, and longer than the chaos lasts where that is quick. */
const answering: Source = { type: 'answering', prompt: 'Say something long.', words: 1_200 }
const rambling: Source = { ...answering, words: 20_000 }

const completed = { status: 'completed' } as const
const stopped = { status: 'stopped' } as const
const interrupted = { status: 'failed', reason: 'interrupted' } as const

export const RUNS: readonly Run[] = [
  { id: 'counting-1', kind: 'counting', source: counting(1), end: completed },
  { id: 'counting-2', kind: 'counting', source: counting(1), end: completed },
  // Few checkpoints: what lies behind the last one is yielded again, and must not be kept again.
  { id: 'chapters', kind: 'counting', source: counting(40), end: completed },
  { id: 'answering', kind: 'answering', source: answering, end: completed },
  { id: 'stopping-1', kind: 'counting', source: endless, end: stopped },
  { id: 'stopping-2', kind: 'counting', source: endless, end: stopped },
  { id: 'stopping-3', kind: 'counting', source: endless, end: stopped },
  { id: 'stopping-answer', kind: 'answering', source: rambling, end: stopped },
  { id: 'fleeting-kind', kind: 'fleeting', source: endless, end: interrupted },
  { id: 'fleeting-closure', kind: undefined, source: endless, end: interrupted },
]

/** Seconds between two words. */
export const WORD_DELAY = 0.015

export function sourceOf(id: string): Run {
  const run = RUNS.find((one) => one.id === id)
  if (!run) throw new Error(`There is no run ${id}`)
  return run
}

/** The place of a record in its source: the n-th number, the n-th word. NaN for what is no such record. */
export function indexOf(record: unknown): number {
  const { n, delta } = record as { readonly n?: unknown; readonly delta?: unknown }
  if (typeof n === 'number') return n
  // The mock says `<response>.<word> `.
  return typeof delta === 'string' ? Number(/^\d+\.(\d+) $/.exec(delta)?.[1] ?? Number.NaN) : Number.NaN
}
