/** What is known of a connection: a consumer's `this.scope`, an HTTP handler's `context.scope`. */

/** Values of a route's named parameters. */
export type Params = Readonly<Record<string, string | number>>

/**
 * Augment it to type `scope.user` and what `authenticate` returns, once for the whole application:
 * `declare module 'millrace' { interface Register { user: Account } }`.
 */
export interface Register {}

/** Who is connected: what the application's `authenticate` returned; undefined without one. */
export type User = Register extends { user: infer U } ? U : unknown

export interface ClientAddress {
  /** IPv4 or IPv6, without brackets; empty on a unix socket. */
  readonly address: string
  /** 0 when a proxy did not say. */
  readonly port: number
}

export interface Scope<P = Params> {
  readonly type: 'websocket' | 'http'
  /** Names this connection or request in the log. */
  readonly id: string
  /** `http` or `https`, as the client sees it (a trusted proxy's word counts). */
  readonly scheme: 'http' | 'https'
  /** Host and port as the client named them. */
  readonly host: string
  /** The path that was routed: decoded nowhere, without root path and query. */
  readonly path: string
  /** The prefix under which a proxy serves this application; empty at the root. */
  readonly rootPath: string
  readonly params: P
  readonly query: URLSearchParams
  readonly headers: Headers
  /** Cookies by name. A malformed one is left out; of two with one name the first counts. */
  readonly cookies: Readonly<Record<string, string | undefined>>
  readonly client: ClientAddress
  /**
   * What limits count the client by: its IPv4 address, or the /64 of its IPv6 address. Undefined for a
   * client of this machine, unless proxy headers are trusted: nobody counts those.
   */
  readonly network: string | undefined
  /** The WebSocket subprotocols the client offers, in its order of preference. */
  readonly subprotocols: readonly string[]
  readonly user: User | undefined
}

/** The part of a scope that may stand in a log: no header, cookie or query, which carry secrets. */
export function scopeForLog(scope: Scope<unknown>): object {
  return { id: scope.id, type: scope.type, path: scope.path, client: scope.client.address }
}
