/**
 * The target of a request (RFC 9112 section 3.2): a path and a query, or a whole URL.
 *
 * What is routed here is handed on as a `Request`, whose URL normalises what it reads. So a target
 * that would read differently there is none: one path must not pass the guards of another.
 */
import type { IncomingMessage } from 'node:http'

export interface RequestTarget {
  /** As it came, still encoded. */
  readonly path: string
  /** With its question mark, or empty. */
  readonly search: string
  /** Of a whole URL; it takes the place of the Host header. */
  readonly host: string | undefined
}

/** Dot segments, which URLs resolve also when escaped; a backslash, which they take for a slash. */
const AMBIGUOUS = /\\|\/(?:\.|%2e){1,2}(?:\/|$)/i
/** White space, which URLs drop, and a fragment, which belongs to the client. */
const FOREIGN = /[\0-\x20#]/

/** Undefined for what is no target. */
export function parseTarget(target: string): RequestTarget | undefined {
  const absolute = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target)
  const [host, rest] = absolute ? [absolute[1], absolute[2] || '/'] : [undefined, target]
  const at = rest.indexOf('?')
  const path = at < 0 ? rest : rest.slice(0, at)
  if (!path.startsWith('/') || AMBIGUOUS.test(path) || FOREIGN.test(rest)) return undefined
  return { path, search: at < 0 ? '' : rest.slice(at), host }
}

/** The path that is routed: what is left of it behind the prefix that a proxy serves under. */
export function withoutRootPath(path: string, rootPath: string): string {
  if (rootPath === '' || !path.startsWith(rootPath)) return path
  const rest = path.slice(rootPath.length)
  if (rest === '' || rest.startsWith('?')) return `/${rest}`
  return rest.startsWith('/') ? rest : path
}

/**
 * Makes a request say what its handlers are to see, whatever they take it from: their own path, as a framework
 * does with what is mounted in it, and the host that counts, as a URL writes it.
 */
export function takeTarget(incoming: IncomingMessage, rootPath: string): void {
  const target = parseTarget(incoming.url ?? '/')
  if (!target) return
  incoming.url = withoutRootPath(target.path, rootPath) + target.search
  const host = target.host ?? incoming.headers.host ?? ''
  // The adapter knows an address in brackets in its shortest form only.
  const isAddress = host.startsWith('[') && URL.canParse(`http://${host}`)
  incoming.headers.host = isAddress ? new URL(`http://${host}`).host : host
}
