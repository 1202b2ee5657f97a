/**
 * WebSocket close codes as Millrace uses them (RFC 6455 section 7.4.1 and the IANA registry).
 * PROTOCOL.md lists the causes of each.
 */
export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  /** Binary instead of text, or the reverse. */
  unsupportedData: 1003,
  /** The close frame had no code. Never sent. */
  noStatus: 1005,
  /** The connection was lost without a close frame. Never sent. */
  abnormal: 1006,
  /** Malformed data: bad UTF-8, JSON that `parseJson` refuses. */
  invalidPayload: 1007,
  /** Well-formed but not accepted: a message that the schema refuses, a client that does not read. */
  policyViolation: 1008,
  messageTooBig: 1009,
  /** A handler threw. */
  internalError: 1011,
  /** The server is restarting: reconnect. */
  serviceRestart: 1012,
  tryAgainLater: 1013,
  /** The user is not signed in any more (registered with IANA as Unauthorized). */
  unauthorized: 3000,
} as const

/** A close frame carries at most 125 bytes, two of which are the code (RFC 6455 section 5.5). */
const MAX_REASON_BYTES = 123

const encoder = new TextEncoder()

/** Whether an endpoint may put this code in a close frame. */
export function isSendableCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false
  if (code >= 3000 && code <= 4999) return true
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006
}

/** Shortens a reason to fit a close frame, between characters. */
export function fitReason(reason: string): string {
  const wellFormed = reason.toWellFormed()
  if (wellFormed.length * 3 <= MAX_REASON_BYTES) return wellFormed
  const { read } = encoder.encodeInto(wellFormed, new Uint8Array(MAX_REASON_BYTES))
  return wellFormed.slice(0, read)
}
