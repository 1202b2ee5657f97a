/** A consumer's connection that ends when its user signs out, and is authenticated again at an interval. */
import { isThrownResponse } from '../../consumers/thrown-response.ts'
import { scopeForLog } from '../../consumers/scope.ts'
import type { ConsumerSession } from '../../consumers/session/session.ts'
import { type AuthenticationOptions, authenticate } from './authentication.ts'
import type { RequestScope } from './request-scope.ts'
import type { Renewal, SignIns, SignedIn } from './sign-ins.ts'

export class SignedInSession implements SignedIn {
  readonly #session: ConsumerSession
  readonly #scope: RequestScope
  readonly #signIns: Pick<SignIns, 'nameOf'>
  readonly #options: AuthenticationOptions

  constructor(
    session: ConsumerSession,
    scope: RequestScope,
    signIns: Pick<SignIns, 'nameOf'>,
    options: AuthenticationOptions,
  ) {
    this.#session = session
    this.#scope = scope
    this.#signIns = signIns
    this.#options = options
  }

  signOut(): void {
    this.#session.signOut()
  }

  async renew(): Promise<Renewal> {
    if (this.#session.isOver) return 'gone'
    const scope = this.#scope
    const before = scope.user
    try {
      await authenticate(scope, scope.hook, this.#options)
    } catch (error) {
      if (isThrownResponse(error)) return error.status >= 500 ? 'unknown' : 'gone'
      this.#options.logger.error({ err: error, scope: scopeForLog(scope) }, 'authenticate failed')
      return 'unknown'
    }
    if (this.#signIns.nameOf(scope.user) === this.#signIns.nameOf(before)) return 'same'
    // The scope keeps its user until the connection is closed.
    scope.user = before
    return 'gone'
  }
}
