/**
 * The page's address names the run that is shown, as `?run=<id>`: what a reload, a bookmark and a
 * second tab need to find it again. The prompt stays in this browser's history.
 */

/** One entry of the history. */
export interface Visit {
  /** Absent when no run is shown. */
  readonly run?: string
  /** Empty where it is not known. */
  readonly prompt: string
}

/** Where the page shows no run. */
export const NO_RUN: Visit = { prompt: '' }

export interface Address {
  read(): Visit
  /** Goes on to another entry; Back returns. */
  push(visit: Visit): void
  /** Corrects the present entry. */
  replace(visit: Visit): void
  /** Calls `listener` when Back or Forward led to another entry; returns the undo. */
  subscribe(listener: () => void): () => void
}

/** The part of a browser's window that is used. */
export interface AddressWindow {
  readonly location: { readonly href: string }
  readonly history: {
    readonly state: unknown
    pushState(state: unknown, unused: string, url: string): void
    replaceState(state: unknown, unused: string, url: string): void
  }
  addEventListener(type: 'popstate', listener: () => void): void
  removeEventListener(type: 'popstate', listener: () => void): void
}

const PARAMETER = 'run'

/** The address and history of a browser's window. */
export function windowAddress(window: AddressWindow): Address {
  const { location, history } = window
  return {
    read: () => {
      const run = new URL(location.href).searchParams.get(PARAMETER) ?? undefined
      return { prompt: promptIn(history.state), ...(run !== undefined && { run }) }
    },
    push: ({ run, prompt }) => history.pushState({ prompt }, '', withRun(location.href, run)),
    replace: ({ run, prompt }) => history.replaceState({ prompt }, '', withRun(location.href, run)),
    subscribe: (listener) => {
      window.addEventListener('popstate', listener)
      return () => window.removeEventListener('popstate', listener)
    },
  }
}

/** Other parameters are left as they are. */
function withRun(href: string, run: string | undefined): string {
  const url = new URL(href)
  if (run === undefined) url.searchParams.delete(PARAMETER)
  else url.searchParams.set(PARAMETER, run)
  return url.href
}

function promptIn(state: unknown): string {
  if (typeof state !== 'object' || state === null || !('prompt' in state)) return ''
  return typeof state.prompt === 'string' ? state.prompt : ''
}
