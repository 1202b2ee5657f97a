/**
 * A WebSocket handshake that waits for its answer. It owns the raw socket until then: it keeps what
 * the client sends early, and notices when the client leaves. Dropped once answered, and the request
 * with it, so that an idle connection holds neither.
 */
import type { IncomingMessage } from 'node:http'
import { validateHeaderName, validateHeaderValue } from 'node:http'
import type { Duplex } from 'node:stream'
import type { AcceptOptions } from '../../consumers/transport.ts'
import type { ThrownResponse } from '../../consumers/thrown-response.ts'
import { HttpError } from '../../protocol/errors.ts'
import { type SocketAnswer, errorAnswer, responseAnswer, writeAnswer } from './socket-answer.ts'
import { type ObservedWebSocket, type WebSocketHandshaker, setAcceptOptions } from './websocket-server.ts'

/** Reads, of at most 64 KiB each, that are kept for a client that speaks before it is answered. */
const MAX_EARLY_CHUNKS = 4

/** What access logs call a request whose client left before the answer. */
const CLIENT_LEFT = 499

const PART_OF_HANDSHAKE = /^(?:connection|upgrade|content-length|transfer-encoding|sec-websocket-.*)$/i

export interface UpgradeRequest {
  readonly incoming: IncomingMessage
  readonly socket: Duplex
  /** What the client sent behind its handshake. */
  readonly head: Buffer
  /** Runs once, when the handshake is answered with a status, or with 499 when the client left. */
  readonly onAnswer: (status: number) => void
  /** Hears of a `Response` that could not be the answer. */
  readonly onBroken: (error: unknown) => void
}

export class PendingHandshake {
  readonly #request: UpgradeRequest
  readonly #onLost: () => void
  readonly #early: Buffer[]
  #isAnswered = false
  /** Ends the reading of a `Response` that is to be the answer. */
  #reading: AbortController | undefined

  constructor(request: UpgradeRequest, onLost: () => void) {
    this.#request = request
    this.#onLost = onLost
    this.#early = [request.head]
    // A socket that nobody reads does not tell that its peer has left.
    request.socket.on('data', this.#keep).once('end', this.#leave).once('close', this.#lose)
  }

  /**
   * Makes a WebSocket of it; undefined when the client has left.
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
    // Too much that came early stopped the reading, and `ws` does not start it again.
    socket.resume()
    return accepted
  }

  get isAnswered(): boolean {
    return this.#isAnswered
  }

  /** Until the body of a `Response` is there the handshake waits, and may be refused in another way. */
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
    // A client has to wait for the answer, so there is little to keep from an honest one.
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

/** Header values come from users' code and may carry what a client sent: no line may be smuggled in. */
function checkHeaders(headers: AcceptOptions['headers']): void {
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (PART_OF_HANDSHAKE.test(name))
      throw new TypeError(`accept() was given the header ${name}, which belongs to the handshake`)
    validateHeaderName(name)
    for (const item of typeof value === 'string' ? [value] : value) validateHeaderValue(name, item)
  }
}
