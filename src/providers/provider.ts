/**
 * A provider: where the events of one generation come from. A model behind an API, a script, or any
 * async generator function:
 *
 *     const clock: Provider<{ tick: number }> = async function* ({ signal }) {
 *       for (let tick = 0; ; tick++) {
 *         yield { tick }
 *         await setTimeout(1000, undefined, { signal })
 *       }
 *     }
 */
import type { Json } from '../protocol/json.ts'

/**
 * What a provider is told about the generation it serves. Later versions add to it and leave what
 * is here as it is; what they add for continuing an interrupted generation (the checkpoint kept
 * with the log, the offset after which to go on) is absent where a generation begins.
 */
export interface ProviderContext {
  /** Aborts when nobody wants the rest: Stop was pressed, or whoever asked is gone. */
  readonly signal: AbortSignal
}

/**
 * Starts one generation.
 *
 * - Each event is a value that JSON can carry (`Json`, or an object type of that kind), and is not
 *   changed after it was handed over.
 * - Nothing is asked of a model before the first `next()`.
 * - A normal end says that the generation is whole. Whatever else ended it rejects, with an error
 *   whose message holds nothing secret.
 * - Once the signal aborts, or the iterator's `return()` is called, the upstream work ends at once,
 *   its request included. After an abort the iterator rejects with the signal's reason, so that an
 *   answer that was stopped is never taken for one that is complete.
 * - It is pulled: while nobody calls `next()`, nothing is buffered beyond what the network holds.
 */
export type Provider<Event extends Json | object = Json> = (context: ProviderContext) => AsyncIterable<Event>
