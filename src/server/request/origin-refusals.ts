/** Says in the log which page or host was refused, and what to do where it should not have been. */
import { type Scope, scopeForLog } from '../../consumers/scope.ts'
import type { Logger } from '../../logging/logger.ts'
import { OccasionalWarnings } from '../../logging/occasional.ts'
import { HttpError } from '../../protocol/errors.ts'

/** Characters of what a stranger sent that a line of the log quotes. */
const QUOTED = 200

export class OriginRefusals {
  readonly #warnings: OccasionalWarnings

  constructor(logger: Logger) {
    this.#warnings = new OccasionalWarnings(logger)
  }

  /** What answers a request of a page that may not make it. */
  origin(scope: Scope<unknown> & { readonly origin: string | undefined }): HttpError {
    const origin = quoted(scope.origin ?? '')
    const host = quoted(scope.host)
    this.#warnings.warn(
      { origin, host, scope: scopeForLog(scope) },
      `origin refused: ${origin} is not ${host}; let its pages in with --origin ${origin} or origins: ['${origin}'], ` +
        'or where a proxy changes the Host header, have it pass on the one it got',
    )
    return new HttpError('origin_refused')
  }

  /** What answers a request to a name that this server does not have. */
  host({ host, directHost }: Hosts, allowed: readonly string[]): HttpError {
    const name = quoted(host)
    const direct = quoted(directHost)
    const by = direct === name ? '' : ` (the proxy's own request names ${direct})`
    this.#warnings.warn(
      { host: name, ...(by && { directHost: direct }), allowedHosts: allowed },
      `host refused: ${name}${by} is not among ${allowed.join(', ')}; answer to it with --allowed-host or allowedHosts`,
    )
    return new HttpError('host_refused')
  }
}

interface Hosts {
  readonly host: string
  /** That of the request itself, where a proxy said another. */
  readonly directHost: string
}

function quoted(text: string): string {
  return text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text
}
