/** The application's own rule of who may do what with a stream, and what is asked of it. */
import type { Scope } from '../consumers/scope.ts'

/**
 * What a client wants to do with a stream: `create` it; `read` it, live or not, or what is known of it; `append`
 * to it, or close it; `delete` it; `fork` it, which reads it and keeps its id taken for as long as the fork is there.
 * Whoever forks is asked for `create` as well, of the stream that is to be the fork.
 */
export type StreamVerb = 'create' | 'read' | 'append' | 'delete' | 'fork'

/** What `authorize` is asked about. The id is the client's word, and the rest is not. */
export interface StreamAttempt {
  readonly verb: StreamVerb
  readonly stream: {
    readonly id: string
    /** Undefined where it has none, and where there is no such stream. */
    readonly owner: string | undefined
    /** Whether it is the client's own: what is answered without a rule. Of one to be created it is true. */
    readonly isOwn: boolean
  }
  /** Aborts when the answer is of no use any more: after 5 s at the latest. */
  readonly signal: AbortSignal
}

/**
 * `true` and `false` for yes and no. `'everybody'` for a yes to whoever asks, now and in a few minutes: what is
 * read may be kept by caches on the way, which ask nobody.
 */
export type Authorization = boolean | 'everybody'

/**
 * Who may do what, in place of the rule that a stream is its owner's:
 * `(scope, { verb, stream }) => stream.isOwn || (verb === 'read' && isPublic(stream.id))`.
 *
 * It is asked once for each request, and of ids that no stream has as well, so that how long it takes tells
 * nobody whether there is one. After a no, a stream is not there (404), and is not created (403). For an answer in
 * your own words throw an `HttpError`. What else is thrown or answered is logged, and refused with 500; after 5 s
 * without an answer it is 503.
 */
export type Authorize = (
  scope: Scope<unknown>,
  attempt: StreamAttempt,
) => Authorization | Promise<Authorization>
