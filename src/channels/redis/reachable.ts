/** Whether the servers of a layer answer now, for its `check`. */
import type { UnfitRedisError } from '../../redis/unfit.ts'

/** Milliseconds that a Redis has to answer. */
const PATIENCE = 1000

export interface PingedServer {
  ping(): Promise<unknown>
  /** Why this server can never be used. */
  readonly unfit?: UnfitRedisError | undefined
}

/** @throws {UnfitRedisError} when a server can never be used. */
export async function reachable(
  servers: readonly PingedServer[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>()
  const giveUp = (): void => resolve(false)
  const timer = setTimeout(giveUp, PATIENCE)
  signal?.addEventListener('abort', giveUp, { once: true })
  const all = Promise.all(servers.map((server) => server.ping())).then(
    () => true,
    () => false,
  )
  try {
    if (await Promise.race([all, late])) return true
    const unfit = servers.find((server) => server.unfit)?.unfit
    if (unfit) throw unfit
    return false
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', giveUp)
  }
}
