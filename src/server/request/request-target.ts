/**
 * The target of a request (RFC 9112 section 3.2): a path and a query, or a whole URL.
 *
 * A routed request becomes a `Request`, whose URL is normalised. So a target that normalising would change is
 * refused: a path must not pass the guards of another path.
 */
import type { IncomingMessage } from 'node:http'

export interface RequestTarget {
  /** The path as it came, still encoded. */
  readonly path: string
  /** The query with its question mark, or empty. */
  readonly search: string
  /** The host of a whole URL, which replaces the Host header. */
  readonly host: string | undefined
}

/** Dot segments, which URLs resolve even when escaped, and backslashes, which they treat as slashes. */
const AMBIGUOUS = /\\|\/(?:\.|%2e){1,2}(?:\/|$)/i
/** White space, which URLs drop, and a fragment, which a client does not send. */
const FOREIGN = /[\0-\x20#]/

/** Parses a target; undefined for a bad one. */
export function parseTarget(target: string): RequestTarget | undefined {
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target)
  const [host, rest] = absolute ? [absolute[1], absolute[2] || '/'] : [undefined, target]
  const at = rest.indexOf('?')
  const path = at < 0 ? rest : rest.slice(0, at)
  if (!path.startsWith('/') || AMBIGUOUS.test(path) || FOREIGN.test(rest)) return undefined
  return { path, search: at < 0 ? '' : rest.slice(at), host }
}

/** The path that is routed, without the prefix under which a proxy serves. */
export function withoutRootPath(path: string, rootPath: string): string {
  if (rootPath === '' || !path.startsWith(rootPath)) return path
  const rest = path.slice(rootPath.length)
  if (rest === '' || rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? rest : path
}

/**
 * Changes a `node:http` request to what its handlers should see: the path without the root path, as
 * frameworks do for mounted applications, and the host in normal form.
 */
export function takeTarget(incoming: IncomingMessage, rootPath: string): void {
  const target = parseTarget(incoming.url ?? '/')
  if (!target) return
  incoming.url = withoutRootPath(target.path, rootPath) + target.search
  const host = target.host ?? incoming.headers.host ?? ''
  // The adapter accepts an address in brackets only in its shortest form.
  const isAddress = host.startsWith('[') && URL.canParse(`http://${host}`)
  incoming.headers.host = isAddress ? new URL(`http://${host}`).host : host
}
