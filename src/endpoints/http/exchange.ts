/** The part of `HttpContext` that HTTP handlers of streams use. */
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
