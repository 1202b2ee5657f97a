/**
 * Which pages may connect. Browsers send no preflight for a WebSocket and for some requests, and add cookies
 * to them. Without this check any page on the web could act as its visitor.
 */
import type { Origins } from '../../routing/origins.ts'

/**
 * The page that sent a request: `none` (browsers always name it), the server's `own`, `listed` by an option,
 * allowed as `any`, or `foreign`.
 */
export type OriginStanding = 'none' | 'own' | 'listed' | 'any' | 'foreign'

/** The scheme of the server's own origin is ignored, because a proxy may add TLS. */
export function originStanding(
  origin: string | undefined,
  host: string,
  lists: readonly (Origins | undefined)[],
): OriginStanding {
  if (origin === undefined) return 'none'
  const page = URL.canParse(origin) ? new URL(origin) : undefined
  if (page && isOwn(page, host)) return 'own'
  if (lists.some((list) => isListed(origin, page, list))) return 'listed'
  return lists.includes('*') ? 'any' : 'foreign'
}

/** Whether a page may connect. */
export function originAllowed(
  origin: string | undefined,
  host: string,
  ...lists: readonly (Origins | undefined)[]
): boolean {
  return originStanding(origin, host, lists) !== 'foreign'
}

function isListed(origin: string, page: URL | undefined, list: Origins | undefined): boolean {
  if (list === undefined || list === '*') return false
  // An untyped application may return a promise by mistake, which is truthy.
  if (typeof list === 'function') return list(origin) === true
  return page !== undefined && list.some((allowed) => originMatches(page, allowed))
}

function isOwn(page: URL, host: string): boolean {
  const own = `${page.protocol}//${host}`
  const web = page.protocol === 'http:' || page.protocol === 'https:'
  return web && URL.canParse(own) && new URL(own).host === page.host
}

/**
 * `allowed` has passed `checkOrigins`. Its scheme may be that of an application shell, such as `capacitor:`.
 */
function originMatches(page: URL, allowed: string): boolean {
  const { protocol, host } = new URL(allowed.replace('//*.', '//'))
  if (page.protocol !== protocol) return false
  return allowed.includes('//*.') ? page.host.endsWith(`.${host}`) : page.host === host
}
