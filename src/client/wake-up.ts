/**
 * What a browser knows of its network: the moments at which a lost connection is worth another try, back
 * online or looked at again, and the one at which the network is gone.
 */

type Listen = (type: string, listener: () => void) => void

/** The few things of a browser that are looked at; a worker has no document, Node none of them. */
interface Surroundings {
  readonly addEventListener?: Listen
  readonly removeEventListener?: Listen
  readonly document?: {
    readonly visibilityState: string
    readonly addEventListener: Listen
    readonly removeEventListener: Listen
  }
}

/** Calls `listener` at each moment of the first kind, and `gone` at each of the second. Returns what ends it. */
export function onWakeUp(listener: () => void, gone: () => void): () => void {
  const here = globalThis as Surroundings
  const { document } = here
  const onVisible = (): void => {
    if (document?.visibilityState === 'visible') listener()
  }
  here.addEventListener?.('online', listener)
  here.addEventListener?.('offline', gone)
  // A page that comes out of the back/forward cache has lost its connections.
  here.addEventListener?.('pageshow', listener)
  document?.addEventListener('visibilitychange', onVisible)
  return () => {
    here.removeEventListener?.('online', listener)
    here.removeEventListener?.('offline', gone)
    here.removeEventListener?.('pageshow', listener)
    document?.removeEventListener('visibilitychange', onVisible)
  }
}
