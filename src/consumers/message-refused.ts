import { CloseCode } from '../protocol/close-codes.ts'

/**
 * A message that is not accepted. A consumer's decoder, schema or handler throws it. It closes the connection
 * with a code and a reason for the client. It is not a failure: the server logs it at `info`.
 */
export class MessageRefusedError extends Error {
  override readonly name = 'MessageRefusedError'
  readonly code: number
  readonly reason: string

  constructor(reason: string, code: number = CloseCode.policyViolation) {
    super(reason)
    this.code = code
    this.reason = reason
  }
}
