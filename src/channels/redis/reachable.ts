/** Whether the servers of a layer answer at present, for its `check`. */

/** Milliseconds within which a Redis that is there answers. */
const PATIENCE = 1000

/** Never rejects. An answer that comes later is nobody's. */
export async function reachable(
  answers: readonly Promise<unknown>[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>()
  const giveUp = (): void => resolve(false)
  const timer = setTimeout(giveUp, PATIENCE)
  signal?.addEventListener('abort', giveUp, { once: true })
  const all = Promise.all(answers).then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([all, late])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', giveUp)
  }
}
