/** Logs which origin or host was refused, and how to allow it. */
import { type Scope, scopeForLog } from '../../consumers/scope.ts'
import type { Logger } from '../../logging/logger.ts'
import { OccasionalWarnings } from '../../logging/occasional.ts'
import { HttpError } from '../../protocol/errors.ts'

/** Most characters of a client's input that a log line quotes. */
const QUOTED = 200

export class OriginRefusals {
  readonly #warnings: OccasionalWarnings

  constructor(logger: Logger) {
    this.#warnings = new OccasionalWarnings(logger)
  }

  /** The answer to a request of a page that is not allowed. */
  origin(scope: Scope<unknown> & { readonly origin: string | undefined }): HttpError {
    const origin = quoted(scope.origin ?? '')
    const host = quoted(scope.host)
    this.#warnings.warn(
      { origin, host, scope: scopeForLog(scope) },
      `origin refused: ${origin} is not ${host}; allow it with --origin ${origin} or origins: ['${origin}']; ` +
        'if a proxy changes the Host header, make it pass on the original one',
    )
    return new HttpError('origin_refused')
  }

  /** The answer to a request to a host that this server does not answer. */
  host({ host, directHost }: Hosts, allowed: readonly string[]): HttpError {
    const name = quoted(host)
    const direct = quoted(directHost)
    const by = direct === name ? '' : ` (the proxy's own request names ${direct})`
    this.#warnings.warn(
      { host: name, ...(by && { directHost: direct }), allowedHosts: allowed },
      `host refused: ${name}${by} is not among ${allowed.join(', ')}; allow it with --allowed-host or allowedHosts`,
    )
    return new HttpError('host_refused')
  }
}

interface Hosts {
  readonly host: string
  /** The host of the request itself, when a proxy forwarded another. */
  readonly directHost: string
}

function quoted(text: string): string {
  return text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text
}
