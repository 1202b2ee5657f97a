/**
 * Which pages may open a WebSocket. Browsers send no preflight for one and attach cookies to it, so
 * without this check any page on the web could connect as its visitor.
 */
import type { Origins } from '../routing/route.ts'

/**
 * A request without an Origin header is not a page's, and passes: browsers always send one. The
 * server's own origin always passes; the scheme does not count, since a proxy may speak TLS.
 */
export function originAllowed(origin: string | undefined, host: string, origins: Origins | undefined): boolean {
  if (origin === undefined) return true
  if (origins === '*') return true
  if (!URL.canParse(origin)) return false
  const page = new URL(origin)
  const own = URL.canParse(`${page.protocol}//${host}`) && new URL(`${page.protocol}//${host}`).host === page.host
  if (own && (page.protocol === 'http:' || page.protocol === 'https:')) return true
  if (typeof origins === 'function') return origins(origin)
  return origins?.some((allowed) => originMatches(page, allowed)) ?? false
}

function originMatches(page: URL, allowed: string): boolean {
  const wildcard = /^([a-z][a-z\d+.-]*):\/\/\*\.(.+)$/i.exec(allowed)
  if (!wildcard) return URL.canParse(allowed) && new URL(allowed).origin === page.origin && page.origin !== 'null'
  const [, scheme, domain] = wildcard
  return page.protocol === `${scheme}:` && page.host.endsWith(`.${domain?.toLowerCase()}`)
}

/** Whether a Host header names one of the allowed hosts; ports do not count. */
export function hostAllowed(host: string, allowed: readonly string[] | undefined): boolean {
  if (allowed === undefined) return true
  const name = URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : ''
  return allowed.some((entry) => {
    const lower = entry.toLowerCase()
    return lower === '*' || lower === name || (lower.startsWith('*.') && name.endsWith(lower.slice(1)))
  })
}
