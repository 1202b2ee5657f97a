/** What an HTTP handler of streams knows of its request: the part of `HttpContext` that it uses. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Scope } from '../../consumers/scope.ts'

export interface Exchange {
  readonly params: { readonly id: string }
  readonly scope: Scope<unknown>
  readonly signal: AbortSignal
  /** See `HttpContext`. */
  readonly whileSignedIn?: (end: () => void) => () => void
  readonly incoming?: IncomingMessage
  readonly outgoing?: ServerResponse
}
