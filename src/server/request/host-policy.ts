/**
 * Which hosts a server answers to.
 *
 * A page of any site can have its own name resolve to 127.0.0.1, and is then of the same origin as a
 * server of this machine (DNS rebinding). So a server that only this machine reaches answers to this
 * machine's names, unless it was given others. Such a page cannot choose its Host header; it can add any
 * X-Forwarded-Host, so where a forwarded host counts the Host header has to be allowed as well.
 */
import { isIP } from 'node:net'

export class HostPolicy {
  readonly #allowed: readonly string[] | undefined
  readonly #direct: readonly string[] | undefined

  /**
   * @param allowed what the options say; undefined answers to all.
   * @param own names of this machine, for a server that nothing else protects from such pages.
   * @throws {RangeError} naming an entry that no request could match.
   */
  constructor(allowed: readonly string[] | undefined, own?: readonly string[]) {
    const names = allowed?.map(nameOf)
    this.#allowed = names ?? own
    this.#direct = own && [...(names ?? []), ...own]
  }

  /** Those that it answers to, for a line of the log. */
  get names(): readonly string[] {
    return this.#allowed ?? this.#direct ?? []
  }

  admits({ host, directHost }: { readonly host: string; readonly directHost: string }): boolean {
    return hostAllowed(host, this.#allowed) && (host === directHost || hostAllowed(directHost, this.#direct))
  }
}

/** An entry of a list of hosts as requests are compared with it. */
function nameOf(entry: string): string {
  if (entry === '*') return entry
  const wild = entry.startsWith('*.') ? '*.' : ''
  const name = entry.slice(wild.length)
  const host = hostnameOf(isIP(name) === 6 ? `[${name}]` : name)
  // What a URL takes is not what a name may hold, and `.example.com` is a wildcard elsewhere.
  if (host && !/^[.]|[*/@?#\\\s]/.test(name)) return wild + host
  throw new RangeError(`allowedHosts holds "${entry}"; it takes hosts such as app.example and *.app.example`)
}

/** As a URL writes it, without its port and without the dot that ends an absolute name. */
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
