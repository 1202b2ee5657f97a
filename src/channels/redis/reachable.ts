/** Whether the servers of a layer answer at present, for its `check`. */
import type { UnfitRedisError } from '../../redis/unfit.ts'

/** Milliseconds within which a Redis that is there answers. */
const PATIENCE = 1000

interface Server {
  ping(): Promise<unknown>
  /** Why it can never do. */
  readonly unfit?: UnfitRedisError | undefined
}

/** @throws {UnfitRedisError} An answer that comes later is nobody's. */
export async function reachable(
  servers: readonly Server[],
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
