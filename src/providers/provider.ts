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
 * What a provider is told about the generation it serves. What has a question mark is there in a
 * run (src/runs/), whose records are kept, and absent where a provider is called for its own sake.
 */
export interface ProviderContext {
  /**
   * Aborts when the rest is not wanted any more: the run was stopped, or the caller left. With
   * `RunMovedError` as its reason somebody does want the rest, and takes it from here on in another process.
   */
  readonly signal: AbortSignal
  /**
   * Which run this is: the same when it is continued, so that a service that takes idempotency keys
   * can be asked twice and does the work once.
   */
  readonly runId?: string
  /** The last checkpoint of a run that is continued; absent when there is none yet. */
  readonly resumeFrom?: Json
  /**
   * Keeps `value` with the event that is yielded next, in one step with it: whoever continues the
   * run begins from there. It stays small (4 KiB as JSON) and is not changed afterwards.
   *
   * @throws {RunFailedError} `bad_checkpoint` for what JSON cannot carry, or what is larger.
   */
  readonly checkpoint?: (value: Json) => void
  /**
   * Says that whoever is asked is at work, though no event comes of it: a model that thinks, a tool that
   * takes long. The run's `limits.silence` then counts from here. Cheap; call it for each sign of life.
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
 * The reason of a signal that aborts because the run goes on in another process: this one lost its
 * lease, or shuts down. A provider drops its connection and leaves alone what it set going upstream.
 */
export class RunMovedError extends Error {
  override readonly name = 'RunMovedError'
  readonly code = 'run_moved'

  constructor() {
    super('The run goes on in another process')
  }
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
 * - Called with `resumeFrom` and a signal that has aborted, it ends what the checkpoint names
 *   upstream, if anything, at the first `next()`.
 * - What it learns of the upstream work only after an abort it may still keep with `checkpoint`: by that
 *   another process cancels it, should this one die before it has.
 * - It is pulled: while nobody calls `next()`, nothing is buffered beyond what the network holds.
 */
export type Provider<Event extends Json | object = Json> = (context: ProviderContext) => AsyncIterable<Event>

/** A provider that needs a run around it. Every `Provider` is one, too. */
export type RunProvider<Event extends Json | object = Json | object> = (
  context: RunContext,
) => AsyncIterable<Event>
