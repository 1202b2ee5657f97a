/** Errors that follow from the end of a connection, and are not failures. */
import { isAbortFor } from '../../logging/abort-errors.ts'
import { ConnectionClosedError } from '../transport.ts'

/** Whether an error comes from the end of the connection, by way of something that was awaited. */
export function isConsequence(error: unknown, closed: ConnectionClosedError): boolean {
  return error instanceof ConnectionClosedError || isAbortFor(error, closed)
}

/** A rejected promise that need not be handled. */
export function rejected(closed: ConnectionClosedError): Promise<void> {
  const promise = Promise.reject(closed)
  promise.catch(ignore)
  return promise
}

function ignore(): void {}
