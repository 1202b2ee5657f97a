/** The models of the simulation: scripted, each with a temper of its own. What they yield tells its place. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { RunContext, RunProvider } from '../../src/providers/provider.ts'
import { RunFailedError } from '../../src/runs/end-reasons.ts'
import type { RunDefinition } from '../../src/runs/definition.ts'
import { remote } from './remote.ts'
import type { RemoteAt } from './remote.ts'
import { asRun } from '../support/as-run.ts'

export const TEMPERS = [
  /** Goes on from a checkpoint that it keeps with every event. */
  'checkpointed',
  /** With every third event. */
  'chaptered',
  /** Has none, and yields the same again. */
  'replayed',
  /** Cannot be continued. */
  'fragile',
  /** Fails at its end. */
  'failing',
  /** Takes no notice of its signal for a while. */
  'stubborn',
  /** Yields a little, and then nothing more. */
  'hanging',
  /** Answers an abort with an event, as the streams of the AI SDK do. */
  'aborting',
  /** Has no checkpoint, and yields something else each time. */
  'wandering',
  /** Kills its process before it yields anything. */
  'deadly',
  /** Works elsewhere, on after its run has ended, until it is cancelled there. */
  'remote',
] as const

/** Milliseconds that no simulation lasts. */
const FOR_EVER = 24 * 3600 * 1000

export type Temper = (typeof TEMPERS)[number]

export interface Script {
  readonly temper: Temper
  /** Stands in every event. */
  readonly tag: string
  /** Null: it does not end. */
  readonly events: number | null
  readonly paceMs: number
}

/** A script as it is asked for. */
export interface AskedScript extends Script {
  /** Whether by its kind, or by a provider that only the process has which is asked. */
  readonly kind: boolean
}

/** Told when a generation begins; returns what to call when it has ended, and what kills its process. */
export type Watched = (run: string) => {
  readonly attempt: number
  readonly ended: () => void
  readonly die: () => void
}

/** The kinds that a process knows; for a planted bug, those also as resumable that are not. */
export function kindsOf(
  tempers: readonly Temper[],
  watched: Watched,
  allResumable: boolean,
  ended: RunDefinition['ended'],
  at: RemoteAt,
): Record<string, RunDefinition> {
  return Object.fromEntries(
    tempers.map((temper) => [
      temper,
      {
        resumable: allResumable || isResumable(temper),
        ...(ended && { ended }),
        run: asRun((input) => scripted(input as unknown as Script, watched, at)),
      },
    ]),
  )
}

export function isResumable(temper: Temper): boolean {
  return temper !== 'fragile' && temper !== 'failing'
}

export function scripted(script: Script, watched: Watched, at: RemoteAt): RunProvider {
  return (context) =>
    script.temper === 'remote' ? remote(script, context, watched, at) : generation(script, context, watched)
}

async function* generation(script: Script, context: RunContext, watched: Watched): AsyncGenerator<object> {
  const { temper, tag, events, paceMs } = script
  const { signal, runId, resumeFrom, checkpoint } = context
  // Begun to be ended: nothing is asked of a model.
  if (signal.aborted) return
  const { attempt, ended, die } = watched(runId)
  try {
    if (temper === 'deadly') {
      die()
      await new Promise(() => {})
    }
    for (let n = Number(resumeFrom ?? 0); n < (events ?? Infinity); n++) {
      if (temper === 'checkpointed' || temper === 'aborting' || (temper === 'chaptered' && n % 3 === 2))
        checkpoint(n + 1)
      yield { of: tag, n, ...(temper === 'wandering' && { attempt }) }
      try {
        await sleep(temper === 'hanging' && n > 0 ? FOR_EVER : paceMs, undefined, { signal })
      } catch (error) {
        if (temper === 'aborting') {
          yield { of: tag, type: 'abort' }
          return
        }
        // As long as half of what a process waits for it.
        if (temper === 'stubborn') await sleep(2500)
        throw error
      }
    }
    if (temper === 'failing') throw new RunFailedError('out_of_luck', 'It was not to be.')
  } finally {
    ended()
  }
}

/** Whether one generation of a script, which yielded `first` first, yields this record at this place. */
export function yieldsScript(
  { tag }: { readonly tag: string },
  at: number,
  record: string,
  first: string,
  isLast: boolean,
): boolean {
  const { of, n, type, attempt } = JSON.parse(record) as Partial<Yielded>
  // What it says to its abort belongs to the end of a run that was cut.
  if (of === tag && type === 'abort') return isLast
  return of === tag && n === at && attempt === (JSON.parse(first) as Partial<Yielded>).attempt
}

interface Yielded {
  readonly of: string
  readonly n: number
  readonly attempt: number
  readonly type: string
}
