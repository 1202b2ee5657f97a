/**
 * The output and the run that fills it, as one value, and the reducer that moves it. Pure.
 *
 * Only frames of the present run count; whatever an earlier one still sends is passed over.
 */
import type { Frame } from './frame.ts'

export type RunStatus = 'ready' | 'sending' | 'streaming' | 'stopping' | 'completed' | 'stopped' | 'failed'

/** Times are on the clock's scale, in milliseconds. */
export interface Run {
  readonly status: RunStatus
  readonly id: string
  /** What was asked; empty for the numbers. */
  readonly prompt: string
  readonly startedAt: number
  /** When the server was last heard. */
  readonly heardAt: number
  readonly endedAt: number
  /** Whole lines received, and the characters of the text pieces received. */
  readonly lines: number
  readonly characters: number
  /** A sentence for a person; empty unless failed. */
  readonly reason: string
}

export interface Page {
  readonly output: string
  readonly run: Run
}

export type PageEvent =
  | { readonly type: 'start'; readonly id: string; readonly prompt: string; readonly at: number }
  | { readonly type: 'frame'; readonly frame: Frame; readonly at: number }
  | { readonly type: 'stop' }
  /** The run ended for this page, without a word from the server. */
  | { readonly type: 'cut'; readonly reason: string; readonly at: number }
  | { readonly type: 'clear' }

const READY: Run = {
  status: 'ready',
  id: '',
  prompt: '',
  startedAt: 0,
  heardAt: 0,
  endedAt: 0,
  lines: 0,
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
      return { output, run: { ...READY, status: 'sending', id, prompt, startedAt: at, heardAt: at } }
    }
    case 'frame':
      return withFrame(page, event.frame, event.at)
    case 'stop':
      return isActive(run) ? { output, run: { ...run, status: 'stopping' } } : page
    case 'cut':
      if (!isActive(run)) return page
      // Whoever pressed Stop got what was asked for, whichever way the run ended.
      return run.status === 'stopping'
        ? { output, run: { ...run, status: 'stopped', endedAt: event.at } }
        : { output, run: { ...run, status: 'failed', reason: event.reason, endedAt: event.at } }
    case 'clear':
      return { output: '', run: isActive(run) ? run : READY }
  }
}

function withFrame(page: Page, frame: Frame, at: number): Page {
  const { output, run } = page
  if (frame.kind === 'line' && frame.id === undefined)
    return { output: beginLine(output) + frame.text + '\n', run }
  if (frame.id !== run.id || !isActive(run)) return page

  const isFirst = run.lines + run.characters === 0
  const heard: Run = { ...run, status: run.status === 'stopping' ? 'stopping' : 'streaming', heardAt: at }
  switch (frame.kind) {
    case 'running':
      return { output, run: heard }
    case 'line': {
      const before = isFirst ? beginLine(output) : output
      return { output: before + frame.text + '\n', run: { ...heard, lines: run.lines + 1 } }
    }
    case 'piece': {
      const before = isFirst ? beginParagraph(output) : output
      return {
        output: before + frame.text,
        run: { ...heard, characters: run.characters + frame.text.length },
      }
    }
    case 'completed':
    case 'stopped':
      return { output, run: { ...heard, status: frame.kind, endedAt: at } }
    case 'failed':
      return { output, run: { ...heard, status: 'failed', reason: frame.reason, endedAt: at } }
  }
}

function beginLine(output: string): string {
  return output === '' || output.endsWith('\n') ? output : output + '\n'
}

function beginParagraph(output: string): string {
  return output === '' || output.endsWith('\n\n') ? output : beginLine(output) + '\n'
}
