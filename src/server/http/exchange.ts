/**
 * One HTTP request and its answer: writes a fetch `Response` to a `node:http` response, within its time, and
 * logs the result.
 *
 * The adapter that made the `Request` could write it, but would send the error of a failed body to the
 * client.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ReadableStreamReadResult } from 'node:stream/web'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { scopeForLog } from '../../consumers/scope.ts'
import { type HandlerOwner, callHandler, currentHandler } from '../../logging/late-errors.ts'
import type { Logger } from '../../logging/logger.ts'
import { HttpError } from '../../protocol/errors.ts'
import { answerOnSocket } from '../websocket/handshake.ts'
import type { ResolvedOptions } from '../options.ts'
import type { RequestScope } from '../request/request-scope.ts'
import { needsBeginning, setHead } from './response-head.ts'
import { writeError } from './write-error.ts'

export interface HttpExchangeOptions {
  readonly limits: Pick<ResolvedOptions, 'accessLog' | 'httpTimeout' | 'serverName'>
  readonly logger: Logger
  /** Whether the server is shutting down. */
  readonly draining: () => boolean
  /** Runs once, when the answer is over. */
  readonly onEnd: () => void
}

/** The answer of a server that shuts down. */
export function drainingError(): HttpError {
  return new HttpError('draining', undefined, { 'retry-after': '1' })
}

/** The status in access logs of a request whose client left before the answer was complete. */
const CLIENT_LEFT = 499

/** Headers of any answer to a request, also of an error, so that the page can read it. */
const OF_ANY_ANSWER = /^(?:server|vary|access-control-.*)$/

/** Made once, because a stack trace for each would cost more than the rest of an answer's end. */
const COMPLETE = new DOMException('The answer is complete', 'AbortError')
const LEFT = new DOMException('The client left before the answer was complete', 'AbortError')

type Chunk = ReadableStreamReadResult<Uint8Array>

export class HttpExchange {
  readonly scope: RequestScope
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly #options: HttpExchangeOptions
  readonly #start = performance.now()
  readonly #timer: NodeJS.Timeout | undefined
  #timedOut = false
  #controller: AbortController | undefined
  /** The handler that read the signal, which owns the errors of its listeners. */
  #asker: HandlerOwner | undefined
  /** Why the signal aborts. */
  #reason: Error | undefined

  constructor(
    scope: RequestScope,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    options: HttpExchangeOptions,
  ) {
    this.scope = scope
    this.incoming = incoming
    this.outgoing = outgoing
    this.#options = options
    const { httpTimeout } = options.limits
    if (httpTimeout > 0) this.#timer = setTimeout(() => this.#timeOut(), httpTimeout * 1000)
    outgoing.once('close', () => this.#end())
    if (options.draining()) this.restart()
  }

  /**
   * Aborts when the answer has ended, and when the server shuts down. Its reason is an `AbortError` when the
   * answer is complete or the client left, and otherwise an `HttpError`.
   */
  get signal(): AbortSignal {
    if (this.#controller) return this.#controller.signal
    this.#controller = new AbortController()
    this.#asker = currentHandler()
    if (this.#reason) this.#controller.abort(this.#reason)
    return this.#controller.signal
  }

  /** The server shuts down: tells the handler, which may still answer. */
  restart(): void {
    this.#abort(drainingError())
  }

  #abort(reason: Error): void {
    this.#reason ??= reason
    const controller = this.#controller
    if (controller?.signal.aborted !== false) return
    if (this.#asker) callHandler(this.#asker, () => controller.abort(this.#reason))
    else controller.abort(this.#reason)
  }

  /** Writes an answer as fast as the client reads it. Never rejects. */
  send(response: Response): Promise<void> {
    return this.#asHandler(() => this.#send(response))
  }

  /** Runs code of the handler's body, so that its late errors belong to the handler. */
  #asHandler<T>(call: () => T): T {
    const { owner } = this.scope
    return owner ? callHandler(owner, call) : call()
  }

  async #send(response: Response): Promise<void> {
    const { outgoing } = this
    try {
      if (outgoing.headersSent || outgoing.destroyed || this.#timedOut) await response.body?.cancel()
      else if (response.body === null || this.incoming.method === 'HEAD') await this.#sendHead(response)
      else await this.#sendBody(response, response.body.getReader())
    } catch (error) {
      this.#fail(error)
    }
  }

  async #sendHead(response: Response): Promise<void> {
    this.#setHead(response)
    this.outgoing.end()
    // Before the body is cancelled, because the handler may then close its body itself.
    this.#abort(COMPLETE)
    await response.body?.cancel()
  }

  async #sendBody(response: Response, reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    const { outgoing } = this
    const cancel = (): void => void reader.cancel().catch(ignore)
    const leave = (): void => this.#asHandler(cancel)
    outgoing.once('close', leave)
    try {
      // Most bodies are one chunk that is available already. Sent at once, it gets a content-length.
      const pending = reader.read()
      const first = await (needsBeginning(response) ? pending : soon(pending))
      const following = first && !first.done ? reader.read() : undefined
      const second = following && (await soon(following))
      this.#setHead(response, first?.value)
      if (first?.done || second?.done) return void outgoing.end(first?.value)
      outgoing.flushHeaders()
      if (first?.value) await this.#write(first.value)
      for (let chunk = await (following ?? pending); !chunk.done; chunk = await reader.read())
        await this.#write(chunk.value)
      outgoing.end()
    } finally {
      outgoing.off('close', leave)
      leave()
    }
  }

  async #write(chunk: Uint8Array): Promise<void> {
    const { outgoing } = this
    const room = outgoing.write(chunk)
    // Set by compressing middleware, which would otherwise keep chunks until it has a block.
    if (Object.hasOwn(outgoing, 'flush')) (outgoing as ServerResponse & { flush(): void }).flush()
    if (room || outgoing.destroyed) return
    const { promise, resolve } = Promise.withResolvers<void>()
    outgoing.once('drain', resolve).once('close', resolve)
    await promise
    outgoing.off('drain', resolve).off('close', resolve)
  }

  #setHead(response: Response, beginning?: Uint8Array): void {
    setHead(this.outgoing, response, beginning)
    if (this.#options.draining()) this.outgoing.setHeader('connection', 'close')
  }

  /** Answers 503 instead of the handler, and ends the connection. */
  #timeOut(): void {
    const { outgoing } = this
    if (outgoing.headersSent) return
    this.#timedOut = true
    this.#abort(new HttpError('response_timeout'))
    const { socket } = outgoing
    // The answer is written to the socket, without the headers that were set on the response.
    const headers: Record<string, string> = {}
    for (const name of outgoing.getHeaderNames())
      if (OF_ANY_ANSWER.test(name) && name !== 'server') headers[name] = String(outgoing.getHeader(name))
    const error = new HttpError('response_timeout', undefined, headers)
    if (socket) answerOnSocket(socket, error, this.#options.limits.serverName)
    // An earlier request on this connection is not answered yet.
    else outgoing.destroy()
  }

  #fail(error: unknown): void {
    const { outgoing } = this
    if (outgoing.destroyed) return
    this.#options.logger.error({ err: error, scope: scopeForLog(this.scope) }, 'response failed')
    if (outgoing.headersSent) return void outgoing.destroy()
    // The headers of the failed answer do not apply to this one.
    for (const name of outgoing.getHeaderNames()) if (!OF_ANY_ANSWER.test(name)) outgoing.removeHeader(name)
    writeError(outgoing, new HttpError('internal_error'))
  }

  #end(): void {
    clearTimeout(this.#timer)
    const isComplete = this.outgoing.writableFinished
    this.#abort(isComplete ? COMPLETE : LEFT)
    const { limits, logger, draining, onEnd } = this.#options
    onEnd()
    // A connection that is kept alive would keep the server from ending.
    if (draining()) this.incoming.socket.end()
    if (!limits.accessLog) return
    const { method } = this.scope
    const status = this.#timedOut ? 503 : isComplete ? this.outgoing.statusCode : CLIENT_LEFT
    const ms = Math.round(performance.now() - this.#start)
    logger.info({ scope: scopeForLog(this.scope), method, status, ms }, 'request')
  }
}

/** The value of a promise that resolves within this turn of the event loop; undefined otherwise. */
async function soon(promise: Promise<Chunk>): Promise<Chunk | undefined> {
  promise.catch(ignore)
  return await Promise.race([promise, nextTurn(undefined)])
}

function ignore(): void {}
