/**
 * What a browser knows of its network: when a lost connection is worth another try, because the browser is back
 * online or the page is looked at again, and when the network is gone.
 */

type Listen = (type: string, listener: () => void, options: { readonly signal: AbortSignal }) => void

/** The few things of a browser that are looked at; a worker has no document, Node none of them. */
interface Surroundings {
  readonly addEventListener?: Listen
  readonly document?: { readonly visibilityState: string; readonly addEventListener: Listen }
}

/** Calls `listener` at each moment of the first kind, and `gone` at each of the second. Returns the undo. */
export function onWakeUp(listener: () => void, gone: () => void): () => void {
  const here = globalThis as Surroundings
  const { document } = here
  const end = new AbortController()
  const onVisible = (): void => {
    if (document?.visibilityState === 'visible') listener()
  }
  here.addEventListener?.('online', listener, end)
  here.addEventListener?.('offline', gone, end)
  // A page that comes out of the back/forward cache has lost its connections.
  here.addEventListener?.('pageshow', listener, end)
  document?.addEventListener('visibilitychange', onVisible, end)
  return () => end.abort()
}
