/** Waits for what tells its listeners of changes. */

export interface Subscribable {
  /** Calls a listener at each change. Returns the undo. */
  subscribe(listener: () => void): () => void
}

/** Resolves at the next change. Rejects with the reason of the signal. */
export function changeOf(subject: Subscribable, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      undo()
      signal.removeEventListener('abort', settle)
      if (signal.aborted) reject(signal.reason as Error)
      else resolve()
    }
    const undo = subject.subscribe(settle)
    signal.addEventListener('abort', settle)
  })
}

/** Resolves after some seconds. Rejects with the reason of the signal. */
export async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  const timer = {
    subscribe: (over: () => void): (() => void) => {
      const timeout = setTimeout(over, seconds * 1000)
      return () => clearTimeout(timeout)
    },
  }
  await changeOf(timer, signal)
}
