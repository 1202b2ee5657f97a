/**
 * Which pages may connect. Browsers send no preflight for a WebSocket, nor for some requests, and attach
 * cookies to them, so without this check any page on the web could act as its visitor.
 */
import type { Origins } from '../../routing/origins.ts'

/**
 * How the page that sent a request stands to a server: `none` sent it (browsers always say which did), it is
 * the server's `own`, it is `listed`, `any` may, or it is `foreign`.
 */
export type OriginStanding = 'none' | 'own' | 'listed' | 'any' | 'foreign'

/** The scheme of the server's own origin does not count, since a proxy may speak TLS. */
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
  // A promise that an untyped application returns by mistake is truthy, too.
  if (typeof list === 'function') return list(origin) === true
  return page !== undefined && list.some((allowed) => originMatches(page, allowed))
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
