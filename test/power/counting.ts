/** The kind of run that the traced server has: it counts, and can be resumed. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunDefinition } from 'millrace'
import { type Numbered, recordOf } from './records.ts'

export interface CountingInput {
  readonly id: string
  readonly upTo: number
}

/** Yields the records 0 up to and without `upTo`; `before` is called ahead of each of them. */
export function counting(paceMs: number, before?: (id: string, n: number) => void): RunDefinition {
  return {
    resumable: true,
    async *run(input, { signal, resumeFrom, checkpoint }): AsyncGenerator<Numbered> {
      const { id, upTo } = input as CountingInput
      for (let n = typeof resumeFrom === 'number' ? resumeFrom : 0; n < upTo; n++) {
        before?.(id, n)
        if (n % 5 === 4) checkpoint(n + 1)
        yield recordOf(id, 0, n)
        await sleep(paceMs, undefined, { signal })
      }
    },
  }
}
