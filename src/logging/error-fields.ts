/**
 * An error as it may stand in a log: its kind, message, code and stack, and nothing else. Errors of HTTP
 * clients carry whole requests, whose headers and queries hold keys.
 */
export interface ErrorFields {
  readonly type: string
  readonly message: string
  readonly code?: string | number
  /** The stacks of the error, of its causes and of the errors it gathers. */
  readonly stack?: string
}

/** Causes that are followed; a chain of them may be a circle. */
const MAX_DEPTH = 5

/** Takes whatever was thrown. */
export function errorFields(error: unknown): ErrorFields {
  if (!(error instanceof Error)) return { type: typeof error, message: textOf(error) }
  const { code } = error as { code?: unknown }
  return {
    type: error.name,
    message: error.message,
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    stack: stackOf(error, MAX_DEPTH),
  }
}

function stackOf(error: unknown, depth: number): string {
  if (!(error instanceof Error)) return textOf(error)
  const own = error.stack ?? `${error.name}: ${error.message}`
  if (depth === 0) return own
  const gathered = error instanceof AggregateError ? (error.errors as unknown[]) : []
  const causes = [...(error.cause === undefined ? [] : [error.cause]), ...gathered]
  return [own, ...causes.map((cause) => `caused by: ${stackOf(cause, depth - 1)}`)].join('\n')
}

/** An object that was thrown may hold anything, so it only says that it is one. */
function textOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? 'an object that is no Error' : String(value)
}
