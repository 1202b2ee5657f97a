/** The opening handshake of RFC 6455 section 4.2, as far as it precedes the consumer's decision. */
import type { IncomingMessage } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { HttpError } from '../protocol/errors.ts'

/** 16 bytes in base64. */
const KEY = /^[+/\dA-Za-z]{22}==$/
const TOKEN_LIST = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+(?:[ \t]*,[ \t]*[!#$%&'*+\-.^_`|~\dA-Za-z]+)*$/

const VERSIONS = { 'sec-websocket-version': '13', upgrade: 'websocket', connection: 'Upgrade, close' }

/** Whether a request that asks for some upgrade asks for a WebSocket. */
export function asksForWebSocket(incoming: IncomingMessage): boolean {
  return incoming.headers.upgrade?.toLowerCase() === 'websocket'
}

/** @throws {HttpError} `bad_handshake` with the reason, or `websocket_version`. */
export function checkHandshake({ method, headers, httpVersion }: IncomingMessage): void {
  if (httpVersion !== '1.1')
    throw new HttpError('bad_handshake', 'A WebSocket handshake is spoken in HTTP/1.1.')
  if (method !== 'GET') throw new HttpError('bad_handshake', 'A WebSocket handshake is a GET request.')
  const version = headers['sec-websocket-version']
  if (version !== '13') throw new HttpError('websocket_version', undefined, VERSIONS)
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) {
    throw new HttpError('bad_handshake', 'Sec-WebSocket-Key is missing or not 16 bytes in base64.')
  }
  const protocols = headers['sec-websocket-protocol']
  if (protocols === undefined) return
  const offered = protocols.split(',').map((name) => name.trim())
  if (!TOKEN_LIST.test(protocols) || new Set(offered).size < offered.length) {
    throw new HttpError('bad_handshake', 'Sec-WebSocket-Protocol is not a list of different tokens.')
  }
}

/**
 * Milliseconds for which what a refused client still sends is read and dropped. A socket that is
 * destroyed with something unread is reset, and the reset may overtake the answer.
 */
const LINGER = 1_000

/** Answers on a socket that has no ServerResponse any more, and ends it. */
export function answerOnSocket(socket: Duplex, error: HttpError, serverName: string): void {
  // A parser that gave up on a request says so again for each piece of it that follows.
  if (socket.writableEnded) return
  if (!socket.writable) return void socket.destroy()
  const body = JSON.stringify(error.body)
  const headers = {
    ...(serverName && { server: serverName }),
    date: new Date().toUTCString(),
    connection: 'close',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
    ...error.headers,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const head = [`HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? ''}`, ...lines].join('\r\n')
  socket.end(`${head}\r\n\r\n${body}`)
  socket.resume()
  const timer = setTimeout(() => socket.destroy(), LINGER).unref()
  socket.once('close', () => clearTimeout(timer))
}
