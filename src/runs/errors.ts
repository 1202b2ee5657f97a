import type { InputIssue } from '../protocol/stream-frames.ts'

/**
 * The registry of what `Runs` refuses. A code is stable, for programs to switch on; a message is fit
 * for whoever asked, and quotes nothing of what was sent.
 */
export const RUN_ERRORS = {
  invalid_run: 'The run cannot be started as it was asked for.',
  invalid_input: 'The input does not fit what this kind of run takes.',
  input_undecided: 'Whether the input fits could not be found out in time. Try again in a moment.',
  unknown_kind: 'There is no such kind of run here.',
  run_conflict: 'The id belongs to something else.',
  run_differs: 'A run with this id was started for something else. Take another id.',
  too_many_runs: 'As many of your runs as may run at one time are running. Stop one, or wait for one to end.',
  process_full: 'This server runs as many runs as it may. Try again in a moment.',
  run_not_found: 'There is no such run.',
  run_not_ended: 'The run has not ended yet.',
  run_not_retryable: 'What the run was started from was not kept, so it cannot be started again.',
  run_gone: 'The run was deleted, or its time was over.',
  runs_closed: 'This server is shutting down and starts and follows no more runs.',
} as const satisfies Record<string, string>

/** A stable name of what was refused. */
export type RunErrorCode = keyof typeof RUN_ERRORS

export class RunError extends Error {
  override readonly name = 'RunError'
  readonly code: RunErrorCode
  /** With `invalid_input`: what does not fit, at most 10 of it. */
  readonly issues?: readonly InputIssue[]

  constructor(code: RunErrorCode, message: string = RUN_ERRORS[code], issues?: readonly InputIssue[]) {
    super(message)
    this.code = code
    if (issues) this.issues = issues
  }
}
