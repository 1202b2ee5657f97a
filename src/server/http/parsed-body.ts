/**
 * Restores bodies that earlier middleware has read. `express.json()` and the like leave the parsed value in
 * `incoming.body`, and nothing in the stream. The value is serialised again for handlers that read the
 * request.
 */
import type { IncomingMessage } from 'node:http'
import { HttpError } from '../../protocol/errors.ts'

/** A request as Express, Connect and body parsers extend it. */
interface ParsedIncoming extends IncomingMessage {
  readonly body?: unknown
  /** Set by hosts that keep the bytes. The adapter that makes the request reads it before the stream. */
  rawBody?: unknown
}

/**
 * Puts back a body that was read from the stream.
 *
 * @returns undefined, or the error with which reading the body has to fail.
 */
export function restoreBody(incoming: ParsedIncoming): Error | undefined {
  if (!incoming.readableDidRead || Buffer.isBuffer(incoming.rawBody)) return undefined
  try {
    incoming.rawBody = bytesOf(incoming)
    return undefined
  } catch (error) {
    return error as Error
  }
}

/** A request whose body cannot be read. */
export function withFailingBody(request: Request, error: Error): Request {
  const { url, method, headers, signal } = request
  if (method === 'GET' || method === 'HEAD') return request
  const body = new ReadableStream({ pull: (controller) => controller.error(error) })
  // A variable, because the types of browsers lack `duplex`, which a stream as a body needs.
  const init = { method, headers, signal, body, duplex: 'half' as const }
  return new Request(url, init)
}

/**
 * @throws {Error} for a body that is not available, {HttpError} for one that the client should not have sent.
 */
function bytesOf({ body, headers }: ParsedIncoming): Buffer {
  if (headers['content-length'] === '0') return Buffer.alloc(0)
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const type = headers['content-type'] ?? ''
  if (body === undefined || /^multipart\//i.test(type)) throw lost(type)
  const isForm = /^application\/x-www-form-urlencoded\b/i.test(type)
  if (typeof body === 'string')
    return Buffer.from(isJson(type) && !isWritten(body, headers) ? jsonOf(body) : body)
  if (isForm && typeof body === 'object' && body !== null) return Buffer.from(formOf(body))
  return Buffer.from(jsonOf(body))
}

function lost(type: string): Error {
  return new Error(
    `Earlier middleware read the body of this request (${type || 'no content-type'}) and left nothing in request.body: ` +
      'put Millrace before that middleware',
  )
}

function isJson(type: string): boolean {
  return /^[\w.+-]+\/(?:[\w.+-]+\+)?json\b/i.test(type)
}

/** Whether a text is the body itself, and not the value of a JSON text that was sent. */
function isWritten(text: string, headers: IncomingMessage['headers']): boolean {
  const length = headers['content-encoding'] === undefined ? Number(headers['content-length']) : Number.NaN
  if (length === Buffer.byteLength(text)) return true
  if (length === Buffer.byteLength(JSON.stringify(text))) return false
  // The length differs when the body was chunked, compressed, in another charset, with a byte order mark or
  // escapes.
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** @throws {HttpError} for a number that became infinite when it was parsed, which JSON cannot write. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'number' || Number.isFinite(part)) return part
    throw new HttpError('bad_request', 'The body holds a number that JSON cannot keep.')
  })
}

/** Writes a form as `qs` and `querystring` read it: names repeat for lists, and have brackets for objects. */
function formOf(fields: object): string {
  const form = new URLSearchParams()
  const add = (name: string, value: unknown): void => {
    if (Array.isArray(value)) {
      const plain = value.every((item) => typeof item !== 'object')
      for (const [index, item] of value.entries()) add(plain ? name : `${name}[${index}]`, item)
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) add(`${name}[${key}]`, item)
    } else form.append(name, String(value))
  }
  for (const [name, value] of Object.entries(fields)) add(name, value)
  return form.toString()
}
