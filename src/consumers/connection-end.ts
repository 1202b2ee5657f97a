/** What follows from the end of a connection, and is no failure. */
import { ConnectionClosed } from './transport.ts'

/** Whether an error is the end of the connection coming back out of something that was awaited. */
export function isConsequence(error: unknown, closed: ConnectionClosed): boolean {
  if (!(error instanceof Error)) return false
  if (error === closed || error instanceof ConnectionClosed || error.cause === closed) return true
  // SDKs wrap an abort in errors of their own: `APIUserAbortError` of openai, for one.
  return error.name === 'AbortError' || error.constructor.name.includes('Abort')
}

/** A rejection that may go unhandled. */
export function rejected(closed: ConnectionClosed): Promise<void> {
  const promise = Promise.reject(closed)
  promise.catch(ignore)
  return promise
}

function ignore(): void {}
