/**
 * Which pages may open a WebSocket. Browsers send no preflight for one and attach cookies to it, so
 * without this check any page on the web could connect as its visitor.
 */
import type { Origins } from '../routing/origins.ts'

/**
 * A request without an Origin header is not a page's, and passes: browsers always send one. The
 * server's own origin always passes; the scheme does not count, since a proxy may speak TLS.
 */
export function originAllowed(
  origin: string | undefined,
  host: string,
  origins: Origins | undefined,
): boolean {
  if (origin === undefined || origins === '*') return true
  const page = URL.canParse(origin) ? new URL(origin) : undefined
  if (page && isOwn(page, host)) return true
  // A promise that an untyped application returns by mistake is truthy, too.
  if (typeof origins === 'function') return origins(origin) === true
  return (page && origins?.some((allowed) => originMatches(page, allowed))) ?? false
}

function isOwn(page: URL, host: string): boolean {
  const own = `${page.protocol}//${host}`
  const web = page.protocol === 'http:' || page.protocol === 'https:'
  return web && URL.canParse(own) && new URL(own).host === page.host
}

/** `allowed` passed `checkOrigins`. The scheme may be an application shell's, such as `capacitor:`. */
function originMatches(page: URL, allowed: string): boolean {
  const { protocol, host } = new URL(allowed.replace('//*.', '//'))
  if (page.protocol !== protocol) return false
  return allowed.includes('//*.') ? page.host.endsWith(`.${host}`) : page.host === host
}
