/**
 * Which hosts a server answers to.
 *
 * A page of any site can have its own name resolve to 127.0.0.1, and is then of the same origin as a
 * server of this machine (DNS rebinding). So a server that only this machine reaches answers to this
 * machine's names, unless it was given others. Such a page cannot choose its Host header; it can add any
 * X-Forwarded-Host, so where a forwarded host counts the Host header has to be allowed as well.
 */
export class HostPolicy {
  readonly #allowed: readonly string[] | undefined
  readonly #direct: readonly string[] | undefined

  /**
   * @param allowed what the options say; undefined answers to all.
   * @param own names of this machine, for a server that nothing else protects from such pages.
   */
  constructor(allowed: readonly string[] | undefined, own?: readonly string[]) {
    this.#allowed = allowed ?? own
    this.#direct = own && [...(allowed ?? []), ...own]
  }

  /** Those that it answers to, for a line of the log. */
  get names(): readonly string[] {
    return this.#allowed ?? this.#direct ?? []
  }

  admits({ host, directHost }: { readonly host: string; readonly directHost: string }): boolean {
    return hostAllowed(host, this.#allowed) && (host === directHost || hostAllowed(directHost, this.#direct))
  }
}

/** Whether a Host header names one of the allowed hosts; ports do not count. */
function hostAllowed(host: string, allowed: readonly string[] | undefined): boolean {
  if (allowed === undefined) return true
  const name = URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : ''
  return allowed.some((entry) => {
    const lower = entry.toLowerCase()
    return lower === '*' || lower === name || (lower.startsWith('*.') && name.endsWith(lower.slice(1)))
  })
}
