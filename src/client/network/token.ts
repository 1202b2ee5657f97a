/** Who the page's user is, for servers that take no cookie. */
import { Setback, StreamError } from '../errors.ts'

/**
 * A token, or a function that gives one. It is called before each connection and each request, and once more with
 * `refused` when the server answered 401.
 */
export type TokenSource = string | ((refused: boolean) => string | Promise<string>)

/** Rejects with a `Setback` when the token cannot be had. */
export async function askForToken(source: TokenSource, refused: boolean): Promise<string> {
  if (typeof source === 'string') return source
  try {
    return await source(refused)
  } catch (error) {
    const why = error instanceof Error ? error.message : 'no reason given'
    throw new Setback(new StreamError('token_failed', `The token cannot be had: ${why}`))
  }
}
