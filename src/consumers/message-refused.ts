import { CloseCode } from '../protocol/close-codes.ts'

/**
 * A message that is not accepted. Thrown by a consumer's decoder, by its schema or by a handler of
 * its own, it ends the connection with a code and a reason for the client, and is no failure: the
 * server logs it at `info`.
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
