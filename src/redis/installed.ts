/** Checks that the optional package `redis` is installed, before anything connects. */

/** @throws {Error} saying how to install it. */
export function checkRedisIsInstalled(): void {
  try {
    import.meta.resolve('redis')
  } catch (cause) {
    throw new Error('a Redis takes the package redis: npm install redis', { cause })
  }
}
