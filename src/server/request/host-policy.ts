/**
 * Which hosts a server answers.
 *
 * Any site can make its own name resolve to 127.0.0.1, and its pages are then of the same origin as a server
 * on this machine (DNS rebinding). So a server that only this machine reaches answers only the names of this
 * machine, unless it was given others. Such a page cannot choose its Host header, but it can add any
 * X-Forwarded-Host. So when a forwarded host is used, the Host header has to be allowed, too.
 */
import { isIP } from 'node:net'

export class HostPolicy {
  readonly #allowed: readonly string[] | undefined
  readonly #direct: readonly string[] | undefined

  /**
   * @param allowed the hosts of the options; undefined allows all.
   * @param own names of this machine, for a server that nothing else protects from such pages.
   * @throws {RangeError} for an entry that no request could match.
   */
  constructor(allowed: readonly string[] | undefined, own?: readonly string[]) {
    const names = allowed?.map(nameOf)
    this.#allowed = names ?? own
    this.#direct = own && [...(names ?? []), ...own]
  }

  /** The hosts that it answers, for the log. */
  get names(): readonly string[] {
    return this.#allowed ?? this.#direct ?? []
  }

  admits({ host, directHost }: { readonly host: string; readonly directHost: string }): boolean {
    return hostAllowed(host, this.#allowed) && (host === directHost || hostAllowed(directHost, this.#direct))
  }
}

/** An entry of a list of hosts, normalised for comparison. */
function nameOf(entry: string): string {
  if (entry === '*') return entry
  const wild = entry.startsWith('*.') ? '*.' : ''
  const name = entry.slice(wild.length)
  const host = hostnameOf(isIP(name) === 6 ? `[${name}]` : name)
  // A URL accepts characters that a name cannot have, and `.example.com` looks like a wildcard.
  if (host && !/^[.]|[*/@?#\\\s]/.test(name)) return wild + host
  throw new RangeError(`allowedHosts holds "${entry}"; it takes hosts such as app.example and *.app.example`)
}

/** A host as a URL writes it, without the port and the dot that ends an absolute name. */
function hostnameOf(host: string): string {
  const url = `http://${host}`
  return URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, '') : ''
}

function hostAllowed(host: string, allowed: readonly string[] | undefined): boolean {
  if (allowed === undefined) return true
  const name = hostnameOf(host)
  return allowed.some(
    (entry) => entry === '*' || entry === name || (entry.startsWith('*.') && name.endsWith(entry.slice(1))),
  )
}
