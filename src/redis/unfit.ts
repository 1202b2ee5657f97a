/** A Redis that answers, and lacks what it is needed for. */

/**
 * Nothing but another server mends it; whoever keeps trying finds out when there is one. The message says what
 * is lacking, without the address: a probe, which anybody may send, is told of it.
 */
export class UnfitRedisError extends Error {
  override readonly name = 'UnfitRedisError'
  readonly code = 'redis_unfit'
}
