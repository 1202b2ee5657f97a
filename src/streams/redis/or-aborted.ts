/** Ends the wait for a promise with a signal, without cancelling the work. */
export async function orAborted<T>(working: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const abort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([working, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
