/**
 * Bodies that middleware in front has read already: `express.json()` and its kin leave what they made of one
 * in `incoming.body`, and nothing in the stream. What they left is written out again, for handlers that read
 * the request's own.
 */
import type { IncomingMessage } from 'node:http'
import { HttpError } from '../../protocol/errors.ts'

/** As Express, Connect and body parsers extend it. */
interface ParsedIncoming extends IncomingMessage {
  readonly body?: unknown
  /** Set by hosts that keep the bytes, and read before the stream by the adapter that makes the request. */
  rawBody?: unknown
}

/**
 * Puts back what was taken out of the stream, where it can be had.
 *
 * @returns the error that reading the body has to fail with, where it cannot; undefined otherwise.
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
  // Not given as it is: types of browsers do not know `duplex`, which a body that is a stream takes.
  const init = { method, headers, signal, body, duplex: 'half' as const }
  return new Request(url, init)
}

/** @throws {Error} for what is not there, {HttpError} for what the client should not have sent. */
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
    `The body of this request (${type || 'of no type'}) was read before it came here, and is not in request.body: ` +
      'put Millrace before the middleware that reads it',
  )
}

function isJson(type: string): boolean {
  return /^[\w.+-]+\/(?:[\w.+-]+\+)?json\b/i.test(type)
}

/** Whether a text is the body as it was sent, and not the value of the JSON that was. */
function isWritten(text: string, headers: IncomingMessage['headers']): boolean {
  const length = headers['content-encoding'] === undefined ? Number(headers['content-length']) : Number.NaN
  if (length === Buffer.byteLength(text)) return true
  if (length === Buffer.byteLength(JSON.stringify(text))) return false
  // It was sent in pieces, compressed, with a mark of its order of bytes, in another charset, or with escapes.
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** @throws {HttpError} for a number that was too large for one: JSON has no word for what became of it. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part !== 'number' || Number.isFinite(part)) return part
    throw new HttpError('bad_request', 'The body holds a number that JSON cannot keep.')
  })
}

/** As `qs` and `querystring` read it: names repeat for lists, and have brackets for objects. */
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
