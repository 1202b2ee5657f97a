/** An HTTP answer for a socket without a `ServerResponse`, with a complete body. */
import { Buffer } from 'node:buffer'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { HttpError } from '../../protocol/errors.ts'
import { leftOutOf } from '../http/response-head.ts'

export interface SocketAnswer {
  readonly status: number
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array
}

/** Most bytes of a body. */
const MAX_BODY = 1024 * 1024

/** Headers that the answer sets itself, or that do not apply. */
const SAID_HERE = /^(?:connection|content-length|upgrade|date|server|sec-websocket-.*)$/

/** Statuses whose answer has no body, and no content-length. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304])

/**
 * Milliseconds for which data of a refused client is still read and dropped. A socket that is destroyed with
 * unread data sends a reset, which may overtake the answer.
 */
const LINGER = 1_000

/** Milliseconds that a client has to read the answer. */
const LONGEST = 30_000

export function errorAnswer(error: HttpError): SocketAnswer {
  const headers = Object.entries({
    'content-type': 'application/json',
    'cache-control': 'no-store',
    ...error.headers,
  })
  return { status: error.status, headers, body: Buffer.from(JSON.stringify(error.body)) }
}

/**
 * Reads a `Response` with its body. The signal stops it when the answer is not needed any more.
 *
 * @throws {TypeError} for a response without a status or with a body that was already read, {RangeError} for
 * a body of more than 1 MiB. Rejects when the body does.
 */
export async function responseAnswer(response: Response, signal: AbortSignal): Promise<SocketAnswer> {
  const { status } = response
  if (!(status >= 200 && status <= 599)) throw new TypeError(`A Response has the status ${status}`)
  if (response.bodyUsed) throw new TypeError('The body of a Response was already read')
  const body = response.body ? await bytesOf(response.body.getReader(), signal) : Buffer.alloc(0)
  const leftOut = leftOutOf(response, body)
  const headers = [...response.headers].filter(([name]) => !SAID_HERE.test(name) && !leftOut.has(name))
  return { status, headers, body }
}

async function bytesOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  signal: AbortSignal,
): Promise<Buffer> {
  // The source of the body, an upstream for example, is cancelled.
  const leave = (): void => void reader.cancel().catch(ignore)
  signal.addEventListener('abort', leave, { once: true })
  const chunks: Uint8Array[] = []
  let size = 0
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    chunks.push(chunk.value)
    size += chunk.value.length
    if (size <= MAX_BODY) continue
    leave()
    throw new RangeError(`The body of a Response has more than ${MAX_BODY} bytes`)
  }
  signal.removeEventListener('abort', leave)
  return Buffer.concat(chunks, size)
}

function ignore(): void {}

/** Answers, and ends the connection after the client had time to read the answer. */
export function writeAnswer(socket: Duplex, answer: SocketAnswer, serverName: string): void {
  // A parser that failed reports it again for each further piece of the request.
  if (socket.writableEnded) return
  if (!socket.writable) return void socket.destroy()
  const { status, headers, body } = answer
  const all: (readonly [string, string])[] = [
    ...(serverName ? [['server', serverName] as const] : []),
    ['date', new Date().toUTCString()],
    ['connection', 'close'],
    ...(BODILESS.has(status) ? [] : [['content-length', String(body.length)] as const]),
    ...headers,
  ]
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...all.map((pair) => pair.join(': '))]
  socket.write(`${head.join('\r\n')}\r\n\r\n`)
  socket.end(BODILESS.has(status) ? undefined : body)
  socket.resume()
  let timer = setTimeout(() => socket.destroy(), LONGEST).unref()
  socket.once('finish', () => {
    clearTimeout(timer)
    timer = setTimeout(() => socket.destroy(), LINGER).unref()
  })
  socket.once('close', () => clearTimeout(timer))
}
