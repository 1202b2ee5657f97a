/**
 * A Redis answers, but lacks what the layer or the store needs. Retrying helps only when another server takes
 * its place. The message says what is missing, without the address, because health probes show it to anybody.
 */
export class UnfitRedisError extends Error {
  override readonly name = 'UnfitRedisError'
  readonly code = 'redis_unfit'
}
