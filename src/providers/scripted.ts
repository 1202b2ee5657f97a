/** A provider that says what it was told to: the model of a server without a key, and of tests. */
import { checkOptions } from '../protocol/known-options.ts'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import type { Json } from '../protocol/json.ts'
import { milliseconds } from '../time/duration.ts'
import type { Provider } from './provider.ts'
import { stoppable } from './stoppable.ts'

export interface ScriptedOptions {
  /**
   * Seconds between events. It also follows the last one, as in the tutorial, so that generations
   * that run one after the other keep the pace. 0, the default, is as fast as events are taken.
   */
  readonly interval?: number
}

/**
 * @param events a list, or a function from the event's index to the event, `undefined` being the end.
 * @throws {RangeError} for an interval that no timer can wait.
 */
export function scripted<const Event extends Json | object>(
  events: readonly Event[] | ((index: number) => Event | undefined),
  options: ScriptedOptions = {},
): Provider<Event> {
  checkOptions('scripted()', options, { interval: true })
  const pause = milliseconds('interval', options.interval ?? 0, { min: 0 })
  const eventAt = typeof events === 'function' ? events : (index: number) => events[index]
  return (context) =>
    stoppable(context.signal, async function* (signal) {
      for (let index = 0; ; index++) {
        const event = eventAt(index)
        if (event === undefined) return
        yield event
        // A turn of the event loop even at full speed: an endless script must not starve the server.
        await (pause > 0 ? sleep(pause, undefined, { signal }) : turn(undefined, { signal }))
      }
    })
}

/** What the tutorial streams: `Number 0` to `Number 9`, half a second apart. */
export const demoNumbers: Provider<string> = scripted(
  (index) => (index < 10 ? `Number ${index}` : undefined),
  { interval: 0.5 },
)
