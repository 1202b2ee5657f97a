/** What follows from the end of a connection, and is no failure. */
import { isAbortFor } from '../../logging/abort-errors.ts'
import { ConnectionClosedError } from '../transport.ts'

/** Whether an error is the end of the connection coming back out of something that was awaited. */
export function isConsequence(error: unknown, closed: ConnectionClosedError): boolean {
  return error instanceof ConnectionClosedError || isAbortFor(error, closed)
}

/** A rejection that may go unhandled. */
export function rejected(closed: ConnectionClosedError): Promise<void> {
  const promise = Promise.reject(closed)
  promise.catch(ignore)
  return promise
}

function ignore(): void {}
