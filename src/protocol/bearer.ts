/**
 * How a request carries a token: in the `Authorization` header, or in the name of a subprotocol, because a
 * browser cannot send headers with a WebSocket. That name is `millrace.bearer.` and the token in base64url.
 * Pure; the server and the browser's client share it.
 */

const PREFIX = 'millrace.bearer.'

/** The subprotocol that carries a token. A server never chooses it. */
export function bearerProtocol(token: string): string {
  const bytes = new TextEncoder().encode(token)
  const binary = Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')
  return PREFIX + btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/**
 * The token of a request, for `authenticate`: that of `Authorization: Bearer …`, or the one that Millrace's
 * client sends with a WebSocket. Undefined when there is none. The token is not validated.
 */
export function bearerToken({ headers }: Pick<Request, 'headers'>): string | undefined {
  const header = /^Bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')?.[1]
  if (header !== undefined) return header
  const protocols = (headers.get('sec-websocket-protocol') ?? '').split(',').map((name) => name.trim())
  const found = protocols.find((name) => name.startsWith(PREFIX))
  return found === undefined ? undefined : decode(found.slice(PREFIX.length))
}

function decode(text: string): string | undefined {
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
    const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0))
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes) || undefined
  } catch {
    return undefined
  }
}
