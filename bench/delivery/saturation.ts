/** How many streams one core holds: searched for, upward and then in between. */
import { NotMeasured } from '../harness/load.ts'
import type { Context, Values } from '../harness/load.ts'
import { RATE, paced } from './measure.ts'
import type { PeerName } from './peers/peers.ts'

/** Seconds of a step; a server that falls behind does so at once. */
export const STEP_SECONDS = 3

/** Milliseconds at p99 up to which a server holds its streams. */
export const HOLDS_BELOW = 100

/** The search ends when what holds and what does not are so close. */
const CLOSE = 1.08
const UPWARD = 1.5
/** Before it is believed that they are too many: the machine may have been busy with something else. */
const TRIES = 3
const START = 1000
const MOST = 15_000
const QUICK = { start: 20, most: 40 }

export interface SaturationOptions {
  readonly peer: PeerName
  readonly store?: string
}

export async function saturation(context: Context, options: SaturationOptions): Promise<Values> {
  const { start, most } = context.quick ? QUICK : { start: START, most: MOST }
  let best: Values | undefined
  let held = 0
  let lost = Number.POSITIVE_INFINITY
  for (let streams = start; streams >= 1 && lost / held > CLOSE;) {
    context.note(`${streams} streams`)
    let values: Values | undefined
    for (let tries = 0; !values && tries < TRIES; tries++) values = await holds(context, options, streams)
    if (values) [held, best] = [streams, values]
    else lost = streams
    if (held >= most) break
    streams = Math.round(nextOf(held, lost, most))
  }
  if (!best) throw new NotMeasured('it held none')
  return { ...best, streams: held }
}

function nextOf(held: number, lost: number, most: number): number {
  if (held === 0) return lost / 2
  return lost === Number.POSITIVE_INFINITY ? Math.min(held * UPWARD, most) : (held + lost) / 2
}

async function holds(
  context: Context,
  { peer, store }: SaturationOptions,
  streams: number,
): Promise<Values | undefined> {
  try {
    const brief = { ...context, seconds: Math.min(STEP_SECONDS, context.seconds) }
    const values = await paced(brief, peer, {
      streams,
      ...(store !== undefined && { store: `${store}-${++files}` }),
    })
    const kept = (values['perSecond'] ?? 0) > streams * RATE * 0.8
    return kept && (values['p99'] ?? Number.NaN) < HOLDS_BELOW ? values : undefined
  } catch (error) {
    if (error instanceof NotMeasured) return undefined
    throw error
  }
}

/** Each attempt has a database of its own. */
let files = 0
