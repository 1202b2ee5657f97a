/** For clients that leave a rejected promise to nobody: Vitest takes each for a failure of the whole run. */

/** Takes the unhandled rejections of this process, until it is disposed of. */
export function takeUnhandledRejections(): Disposable & { readonly reasons: readonly unknown[] } {
  const reasons: unknown[] = []
  const others = process.rawListeners('unhandledRejection') as NodeJS.UnhandledRejectionListener[]
  const take = (reason: unknown): void => void reasons.push(reason)
  for (const other of others) process.off('unhandledRejection', other)
  process.on('unhandledRejection', take)
  return {
    reasons,
    [Symbol.dispose]: () => {
      process.off('unhandledRejection', take)
      for (const other of others) process.on('unhandledRejection', other)
    },
  }
}
