/** Errors as sentences for a reader. */

const UNKNOWN = 'The server gave no reason.'

/** The transports of the AI SDK give the body of a refusal as the message of an error. */
export function sentenceOf(error: unknown): string {
  const { message = '' } = error instanceof Error ? error : {}
  if (message === '') return UNKNOWN
  if (/^(?:Failed to fetch|NetworkError|Load failed|network error)/i.test(message))
    return 'The server cannot be reached. Check the connection.'
  try {
    const parsed = JSON.parse(message) as { readonly error?: { readonly message?: unknown } } | null
    if (typeof parsed?.error?.message === 'string') return parsed.error.message
  } catch {
    // Not JSON: a sentence already.
  }
  return message.length > 500 ? `${message.slice(0, 500)}…` : message
}
