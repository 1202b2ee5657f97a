/** The part of the opening handshake (RFC 6455 section 4.2) that comes before the consumer's decision. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { HttpError } from '../../protocol/errors.ts'
import { errorAnswer, writeAnswer } from './socket-answer.ts'

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
  if (httpVersion !== '1.1') throw new HttpError('bad_handshake', 'A WebSocket handshake uses HTTP/1.1.')
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

/** Answers on a socket that has no ServerResponse, and ends it. */
export function answerOnSocket(socket: Duplex, error: HttpError, serverName: string): void {
  writeAnswer(socket, errorAnswer(error), serverName)
}
