/** The run that the page shows and the text it brought, as one value, and the reducer that moves it. Pure. */

export type RunStatus =
  /** Nothing was asked. */
  | 'ready'
  /** A run of the page's address, of which nothing is known yet. */
  | 'loading'
  /** Asked for, and the server has not answered. */
  | 'sending'
  | 'streaming'
  | 'stopping'
  | 'completed'
  | 'stopped'
  | 'failed'
  /** There is no such run. */
  | 'missing'

/** Times are on the clock's scale, in milliseconds. */
export interface Run {
  readonly status: RunStatus
  /** Empty while there is none. */
  readonly id: string
  /** What was asked; empty for the numbers, and for a run that this browser did not start. */
  readonly prompt: string
  /** Absent for a run that was there before the page. */
  readonly startedAt: number | undefined
  /** When the server was last heard. */
  readonly heardAt: number
  readonly endedAt: number
  /** How much text was received. */
  readonly characters: number
  /** A sentence for a person: why it failed or is missing, or cannot be stopped. Otherwise empty. */
  readonly reason: string
}

export interface Page {
  readonly output: string
  readonly run: Run
}

export type RunEnding = Extract<RunStatus, 'completed' | 'stopped' | 'failed' | 'missing'>

export type PageEvent =
  | { readonly type: 'start'; readonly id: string; readonly prompt: string; readonly at: number }
  /** A run is shown that is there already. */
  | { readonly type: 'show'; readonly id: string; readonly prompt: string; readonly at: number }
  /** The page turns away from its run. */
  | { readonly type: 'leave' }
  /** The server knows the run, and brought so many records of it. */
  | { readonly type: 'received'; readonly records: readonly unknown[]; readonly at: number }
  | { readonly type: 'stop' }
  | { readonly type: 'stopRefused'; readonly reason: string }
  | { readonly type: 'end'; readonly status: RunEnding; readonly reason: string; readonly at: number }

const READY: Run = {
  status: 'ready',
  id: '',
  prompt: '',
  startedAt: undefined,
  heardAt: 0,
  endedAt: 0,
  characters: 0,
  reason: '',
}

/** A page on which nothing has happened. */
export const EMPTY_PAGE: Page = { output: '', run: READY }

/** Whether the run has begun and not ended. */
export function isActive(run: Run): boolean {
  return run.status === 'sending' || run.status === 'streaming' || run.status === 'stopping'
}

export function reduce(page: Page, event: PageEvent): Page {
  const { output, run } = page
  switch (event.type) {
    case 'start': {
      if (isActive(run)) return page
      const { id, prompt, at } = event
      return { output: '', run: { ...READY, status: 'sending', id, prompt, startedAt: at, heardAt: at } }
    }
    case 'show': {
      const { id, prompt, at } = event
      return { output: '', run: { ...READY, status: 'loading', id, prompt, heardAt: at } }
    }
    case 'leave':
      return EMPTY_PAGE
    case 'received':
      return isOpen(run) ? receive(page, event.records, event.at) : page
    case 'stop':
      return isActive(run) ? { output, run: { ...run, status: 'stopping', reason: '' } } : page
    case 'stopRefused':
      return run.status === 'stopping'
        ? { output, run: { ...run, status: 'streaming', reason: event.reason } }
        : page
    case 'end': {
      if (!isOpen(run)) return page
      const { status, reason, at } = event
      return { output, run: { ...run, status, reason, heardAt: at, endedAt: at } }
    }
  }
}

function isOpen(run: Run): boolean {
  return isActive(run) || run.status === 'loading'
}

function receive({ output, run }: Page, records: readonly unknown[], at: number): Page {
  // The page believes no record before it has looked at it.
  const text = records.filter((record) => typeof record === 'string').join('')
  return {
    output: output + text,
    run: {
      ...run,
      status: run.status === 'stopping' ? 'stopping' : 'streaming',
      heardAt: at,
      characters: run.characters + text.length,
    },
  }
}
