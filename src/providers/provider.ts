/**
 * A provider: the source of the events of one generation. It is a model behind an API, a script, or any async
 * generator function:
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
 * What a provider is told about its generation. Optional members are present in a run (src/runs/), whose
 * records are kept, and absent when a provider is called outside of one.
 */
export interface ProviderContext {
  /**
   * Aborts when the rest is not wanted any more: the run was stopped, or the caller left. With
   * `RunMovedError` as its reason the run continues in another process.
   */
  readonly signal: AbortSignal
  /**
   * The id of the run, which stays the same when the run is continued. A service that accepts idempotency
   * keys can be asked twice and does the work once.
   */
  readonly runId?: string
  /** The last checkpoint of a run that is continued; absent without one. */
  readonly resumeFrom?: Json
  /**
   * Keeps `value` together with the next event. A process that continues the run begins from there. The value
   * has at most 4 KiB as JSON and must not be changed afterwards.
   *
   * @throws {RunFailedError} `bad_checkpoint` for a value that JSON cannot carry, or that is too large.
   */
  readonly checkpoint?: (value: Json) => void
  /**
   * Tells that work goes on without an event: a model that thinks, a tool that takes long. The run's
   * `limits.silence` then counts from this call. It is cheap; call it for each sign of life.
   */
  readonly alive?: () => void
}

/** The context of a provider in a run. */
export interface RunContext extends ProviderContext {
  readonly runId: string
  readonly checkpoint: (value: Json) => void
  readonly alive: () => void
}

/**
 * The reason of a signal that aborts because the run continues in another process: this one lost its lease,
 * or shuts down. The provider drops its connection, and leaves its work upstream alone.
 */
export class RunMovedError extends Error {
  override readonly name = 'RunMovedError'
  readonly code = 'run_moved'

  constructor() {
    super('The run continues in another process')
  }
}

/**
 * Starts one generation.
 *
 * - Each event is a value that JSON can carry (`Json`, or an object type of that kind), and is not changed after it
 *   was yielded.
 * - The provider asks the model at the first `next()`, not earlier.
 * - A normal end means that the generation is complete. Any other end rejects, with an error whose message contains
 *   no secrets.
 * - When the signal aborts, or the iterator's `return()` is called, the upstream work and its request end at once.
 * After an abort the iterator rejects with the signal's reason, so that a stopped answer never looks
 * complete.
 * - When it is called with `resumeFrom` and a signal that has aborted, it ends the upstream work of the checkpoint, if
 *   there is any, at the first `next()`.
 * - After an abort it may still call `checkpoint` for upstream work that it only then learned of. If this process dies,
 *   another one cancels the work by that checkpoint.
 * - Events are pulled: between calls of `next()`, nothing is buffered except in the network.
 */
export type Provider<Event extends Json | object = Json> = (context: ProviderContext) => AsyncIterable<Event>

/** A provider that needs a run around it. Every `Provider` is one, too. */
export type RunProvider<Event extends Json | object = Json | object> = (
  context: RunContext,
) => AsyncIterable<Event>
