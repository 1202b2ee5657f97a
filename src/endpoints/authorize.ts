/** The application's rule of who may do what with a stream. */
import type { Scope } from '../consumers/scope.ts'

/**
 * What a client wants to do with a stream: `create` it; `read` it, live or not, or its metadata; `append` to it, or
 * close it; `delete` it; `fork` it, which reads it and keeps its id taken while the fork exists. A fork also asks for
 * `create` of the new stream.
 */
export type StreamVerb = 'create' | 'read' | 'append' | 'delete' | 'fork'

/** The question to `authorize`. The id comes from the client; the rest does not. */
export interface StreamAttempt {
  readonly verb: StreamVerb
  readonly stream: {
    readonly id: string
    /** Undefined if the stream has no owner, or does not exist. */
    readonly owner: string | undefined
    /** Whether it belongs to the client: the answer without a rule. True for a stream to be created. */
    readonly isOwn: boolean
  }
  /** Aborts when the answer is no longer needed: after 5 s at the latest. */
  readonly signal: AbortSignal
}

/**
 * `true` or `false` for yes or no. `'everybody'` allows anyone, now and for the next minutes: caches on the way may
 * keep what is read, and they do not ask.
 */
export type Authorization = boolean | 'everybody'

/**
 * Who may do what, instead of the rule that only the owner may use a stream: `(scope, { verb, stream }) =>
 * stream.isOwn || (verb === 'read' && isPublic(stream.id))`.
 *
 * It is asked once per request, also about ids without a stream, so that its duration does not reveal whether a
 * stream exists. A refused stream answers 404, a refused creation 403. To answer in your own words, throw an
 * `HttpError`. Any other error or return value is logged and answered with 500; no answer within 5 s, with 503.
 */
export type Authorize = (
  scope: Scope<unknown>,
  attempt: StreamAttempt,
) => Authorization | Promise<Authorization>
