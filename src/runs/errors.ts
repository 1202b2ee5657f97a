import type { InputIssue } from '../protocol/stream-frames.ts'

/**
 * The errors of `Runs`. A code is stable, for programs to switch on. A message is fit for the caller, and quotes
 * nothing of the request.
 */
export const RUN_ERRORS = {
  invalid_run: 'The run cannot be started as requested.',
  invalid_input: 'The input is not valid for this kind of run.',
  input_undecided: 'The input could not be checked in time. Try again in a moment.',
  unknown_kind: 'There is no such kind of run here.',
  run_conflict: 'The id belongs to something else.',
  run_differs: 'A run with this id was started for something else. Take another id.',
  too_many_runs: 'You have too many runs in progress. Stop one, or wait for one to end.',
  process_full: 'This server has too many runs in progress. Try again in a moment.',
  run_not_found: 'There is no such run.',
  run_not_ended: 'The run has not ended yet.',
  run_not_retryable: 'The input of the run was not kept, so it cannot be started again.',
  run_gone: 'The run was deleted or has expired.',
  runs_closed: 'This server is shutting down. It starts and follows no more runs.',
} as const satisfies Record<string, string>

/** A stable name of an error. */
export type RunErrorCode = keyof typeof RUN_ERRORS

export class RunError extends Error {
  override readonly name = 'RunError'
  readonly code: RunErrorCode
  /** With `invalid_input`: what is not valid, at most 10 issues. */
  readonly issues?: readonly InputIssue[]

  constructor(code: RunErrorCode, message: string = RUN_ERRORS[code], issues?: readonly InputIssue[]) {
    super(message)
    this.code = code
    if (issues) this.issues = issues
  }
}
