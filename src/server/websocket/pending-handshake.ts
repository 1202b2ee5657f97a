/**
 * A WebSocket handshake that waits for its answer. It owns the raw socket until then: it keeps early data and
 * notices when the client leaves. It is dropped with its request once answered, so that an idle connection
 * holds neither.
 */
import type { IncomingMessage } from 'node:http'
import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { Duplex } from 'node:stream'
import type { AcceptOptions } from '../../consumers/transport.ts'
import type { ThrownResponse } from '../../consumers/thrown-response.ts'
import { HttpError } from '../../protocol/errors.ts'
import { type SocketAnswer, errorAnswer, responseAnswer, writeAnswer } from './socket-answer.ts'
import { type ObservedWebSocket, type WebSocketHandshaker, setAcceptOptions } from './websocket-server.ts'

/** Early reads, of at most 64 KiB each, after which the socket is not read. */
const MAX_EARLY_CHUNKS = 4

/** The status in access logs of a request whose client left before the answer. */
const CLIENT_LEFT = 499

const PART_OF_HANDSHAKE = /^(?:connection|upgrade|content-length|transfer-encoding|sec-websocket-.*)$/i

export interface UpgradeRequest {
  readonly incoming: IncomingMessage
  readonly socket: Duplex
  /** Data that the client sent after its handshake. */
  readonly head: Buffer
  /** Runs once, with the status of the answer, or 499 when the client left. */
  readonly onAnswer: (status: number) => void
  /** Gets the error of a `Response` that could not be sent. */
  readonly onBroken: (error: unknown) => void
}

export class PendingHandshake {
  readonly #request: UpgradeRequest
  readonly #onLost: () => void
  readonly #early: Buffer[]
  #isAnswered = false
  /** Stops reading the `Response` that will be the answer. */
  #reading: AbortController | undefined

  constructor(request: UpgradeRequest, onLost: () => void) {
    this.#request = request
    this.#onLost = onLost
    this.#early = [request.head]
    // A socket that is not read does not notice that its peer has left.
    request.socket.on('data', this.#keep).once('end', this.#leave).once('close', this.#lose)
  }

  /**
   * Makes a WebSocket; returns undefined when the client has left.
   *
   * @throws {TypeError} for headers that cannot be sent; the handshake still waits for its answer.
   */
  accept(server: WebSocketHandshaker, options: AcceptOptions): ObservedWebSocket | undefined {
    checkHeaders(options.headers)
    const { incoming, socket } = this.#request
    if (socket.destroyed || !socket.readable || !socket.writable) return undefined
    this.#answered(101)
    setAcceptOptions(incoming, options)
    let accepted: ObservedWebSocket | undefined
    server.handleUpgrade(incoming, socket, Buffer.concat(this.#early), (ws) => (accepted = ws))
    // Early data may have paused the socket, and `ws` does not resume it.
    socket.resume()
    return accepted
  }

  get isAnswered(): boolean {
    return this.#isAnswered
  }

  /**
   * Refuses the handshake. Until the body of a `Response` has been read, another refusal can take its place.
   */
  refuse(refusal: ThrownResponse, serverName: string): void {
    const answer = (given: SocketAnswer): void => {
      if (this.#isAnswered) return
      this.#answered(given.status)
      writeAnswer(this.#request.socket, given, serverName)
    }
    if (refusal instanceof HttpError) return answer(errorAnswer(refusal))
    this.#reading?.abort()
    this.#reading = new AbortController()
    responseAnswer(refusal, this.#reading.signal).then(answer, (error: unknown) => {
      if (this.#isAnswered) return
      this.#request.onBroken(error)
      answer(errorAnswer(new HttpError('internal_error')))
    })
  }

  #answered(status: number): void {
    this.#isAnswered = true
    this.#reading?.abort()
    this.#request.socket.off('data', this.#keep).off('end', this.#leave).off('close', this.#lose)
    this.#request.onAnswer(status)
  }

  readonly #keep = (chunk: Buffer): void => {
    // A client should wait for the answer, so there is little to keep.
    this.#early.push(chunk)
    if (this.#early.length > MAX_EARLY_CHUNKS) this.#request.socket.pause()
  }

  readonly #leave = (): void => {
    this.#request.socket.destroy()
  }

  readonly #lose = (): void => {
    this.#answered(CLIENT_LEFT)
    this.#onLost()
  }
}

/** Header values come from users' code and may contain a client's input, so line breaks are refused. */
function checkHeaders(headers: AcceptOptions['headers']): void {
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (PART_OF_HANDSHAKE.test(name))
      throw new TypeError(`accept() was given the header ${name}, which belongs to the handshake`)
    validateHeaderName(name)
    for (const item of typeof value === 'string' ? [value] : value) validateHeaderValue(name, item)
  }
}
