/** What is known about a connection: a consumer's `this.scope`, an HTTP handler's `context.scope`. */

/** Values of a route's named parameters. */
export type Params = Readonly<Record<string, string | number>>

/**
 * Augment it to type `scope.user` and what `authenticate` returns, once for the whole application:
 * `declare module 'millrace' { interface Register { user: Account } }`.
 */
export interface Register {}

/** The user who is connected, as `authenticate` returned it; undefined without `authenticate`. */
export type User = Register extends { user: infer U } ? U : unknown

export interface ClientAddress {
  /** IPv4 or IPv6, without brackets; empty on a unix socket. */
  readonly address: string
  /** 0 when a proxy did not tell. */
  readonly port: number
}

export interface Scope<P = Params> {
  readonly type: 'websocket' | 'http'
  /** The id of this connection or request in the log. */
  readonly id: string
  /** `http` or `https`, as the client sees it; a trusted proxy tells. */
  readonly scheme: 'http' | 'https'
  /** Host and port as the client named them. */
  readonly host: string
  /** The path that was routed: still encoded, without root path and query. */
  readonly path: string
  /** The prefix under which a proxy serves this application; empty at the root. */
  readonly rootPath: string
  readonly params: P
  readonly query: URLSearchParams
  readonly headers: Headers
  /** Cookies by name. Malformed ones are left out; of two with the same name the first counts. */
  readonly cookies: Readonly<Record<string, string | undefined>>
  readonly client: ClientAddress
  /**
   * The network by which limits count the client: its IPv4 address, or the /64 of its IPv6 address. Undefined
   * for a client on this machine, which is not counted, unless proxy headers are trusted.
   */
  readonly network: string | undefined
  /** The WebSocket subprotocols the client offers, in its order of preference. */
  readonly subprotocols: readonly string[]
  readonly user: User | undefined
}

/** The part of a scope that may be logged: no headers, cookies or query, which hold secrets. */
export function scopeForLog(scope: Scope<unknown>): object {
  return { id: scope.id, type: scope.type, path: scope.path, client: scope.client.address }
}
