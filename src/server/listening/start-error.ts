/** Why a server did not start. The message is one line for the person who started it. */
export class StartError extends Error {
  override readonly name = 'StartError'
  readonly code:
    | 'address_in_use'
    | 'address_unavailable'
    | 'permission_denied'
    | 'bad_certificate'
    | 'anonymous_refused'
    | 'redis_unfit'
    | 'store_unusable'
    | 'closed'
    | 'failed'

  constructor(code: StartError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}
