/** What is known of a run by what it was asked for, and by whom there is to fill it. */
import type { RunSource } from './history.ts'
import type { Plan } from './plan.ts'
import { isResumable } from './providers.ts'
import type { AskedScript } from './providers.ts'

export function sourceOf(
  { tempers, forgotten, tells }: Pick<Plan, 'tempers' | 'forgotten' | 'tells'>,
  { tag, events, temper, kind }: AskedScript,
): RunSource {
  // One that does not know its kind may end it.
  const isKnown = temper !== forgotten && tempers.every((known) => known.includes(temper))
  return {
    tag,
    events,
    fails: temper === 'failing',
    resumable: kind && isKnown && isResumable(temper),
    // Of those that only some know, whoever closes it may leave nothing owed.
    ...(temper === forgotten ? { tells: false } : isKnown && { tells: tells && kind }),
    once: !kind || !isResumable(temper),
  }
}
