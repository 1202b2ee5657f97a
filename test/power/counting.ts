/** The kind of run that the traced server has: it counts, and can be resumed. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunKind } from '../../src/runs/options.ts'
import { type Numbered, recordOf } from './records.ts'

export interface CountingInput {
  readonly id: string
  readonly upTo: number
}

/** Yields the records 0 up to and without `upTo`; `before` is called ahead of each of them. */
export function counting(paceMs: number, before?: (id: string, n: number) => void): RunKind {
  return {
    resumable: true,
    provider: (input) =>
      async function* ({ signal, resumeFrom, checkpoint }): AsyncGenerator<Numbered> {
        const { id, upTo } = input as unknown as CountingInput
        for (let n = typeof resumeFrom === 'number' ? resumeFrom : 0; n < upTo; n++) {
          before?.(id, n)
          if (n % 5 === 4) checkpoint(n + 1)
          yield recordOf(id, 0, n)
          await sleep(paceMs, undefined, { signal })
        }
      },
  }
}
