/** What an address in a model's answer may be. */

export interface SafeLink {
  readonly href: string
  /** Where it leads, for people: the host, or the address of a mail. */
  readonly target: string
}

const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'mailto:'])

/** An address that may be followed: an absolute one of the web, or of a mail. Nothing else is, whatever it says. */
export function safeLink(address: string): SafeLink | undefined {
  // Without a scheme of its own it would lead to a path of this server.
  if (!/^[a-z]+:/i.test(address)) return undefined
  const url = URL.parse(address)
  if (!url || !SCHEMES.has(url.protocol)) return undefined
  // A name in front of the host is there to be taken for the host.
  if (url.username !== '' || url.password !== '') return undefined
  return { href: url.href, target: url.protocol === 'mailto:' ? url.pathname : url.host }
}
