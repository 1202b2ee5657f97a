/**
 * Connects to a consumer without a socket. The connection passes everything that a real one passes: routing, origin,
 * authentication, the session. Named after Channels' communicator.
 */
import { memoryChannels } from '../channels/memory/layer.ts'
import type { AnyConsumerClass, ConsumerClass } from '../consumers/consumer.ts'
import { type ThrownResponse, isThrownResponse } from '../consumers/thrown-response.ts'
import type { ConsumerSession } from '../consumers/session/session.ts'
import {
  type AcceptOptions,
  ConnectionClosedError,
  type Transport,
  type WebSocketData,
} from '../consumers/transport.ts'
import { type Logger, silentLogger } from '../logging/logger.ts'
import { CloseCode } from '../protocol/close-codes.ts'
import { HttpError } from '../protocol/errors.ts'
import { websocket } from '../routing/route.ts'
import { Application } from '../server/application.ts'
import { proxyTrust } from '../server/request/proxy-trust.ts'
import { RequestScope } from '../server/request/request-scope.ts'
import { Inbox } from './inbox.ts'

export interface WebSocketCommunicatorOptions {
  readonly headers?: Readonly<Record<string, string>>
  readonly subprotocols?: readonly string[]
  /** The route of a bare consumer class, for its parameters: `/chat/:room/`. */
  readonly pattern?: string
}

/** The result of the handshake. */
export type ConnectResult =
  | {
      readonly accepted: true
      readonly subprotocol: string | undefined
      readonly headers: NonNullable<AcceptOptions['headers']>
    }
  /** `response` is the whole answer; `error` is undefined if the application threw a `Response`. */
  | {
      readonly accepted: false
      readonly status: number
      readonly error: HttpError | undefined
      readonly response: Response
    }

/**
 * One connection of a client to an application, or to a consumer class alone.
 *
 *     await using client = new WebSocketCommunicator(app, '/ws/chat/lobby/')
 *     assert.equal((await client.connect()).accepted, true)
 *     client.sendJson({ text: 'hello' })
 *     assert.deepEqual(await client.receiveJson(), { text: 'hello' })
 *
 * Every wait ends. After its timeout, in seconds, it rejects with an error that says what was awaited; at the end of the
 * connection it rejects with `ConnectionClosedError`, whose cause is what a handler threw.
 */
export class WebSocketCommunicator implements AsyncDisposable {
  readonly #application: Application
  readonly #owned: boolean
  readonly #scope: RequestScope
  readonly #inbox = new Inbox<WebSocketData>()
  readonly #answer = Promise.withResolvers<ConnectResult>()
  #session: ConsumerSession | undefined
  #closed: ConnectionClosedError | undefined
  #failure: unknown

  constructor(
    target: Application | AnyConsumerClass,
    path: string = '/',
    options: WebSocketCommunicatorOptions = {},
  ) {
    this.#owned = typeof target === 'function'
    this.#application =
      typeof target === 'function' ? applicationOf(target, options.pattern ?? '/*path') : target
    const { subprotocols = [], headers = {} } = options
    const head = {
      method: 'GET',
      target: path,
      headers: {
        host: 'testserver',
        ...(subprotocols.length > 0 && { 'sec-websocket-protocol': subprotocols.join(', ') }),
        ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
      },
      peer: { address: '127.0.0.1', port: 0 },
      encrypted: false,
    }
    this.#scope = new RequestScope('websocket', head, { rootPath: '', proxies: proxyTrust(false) })
  }

  /** Connects, and waits for the consumer's answer. */
  async connect(timeout: number = 1): Promise<ConnectResult> {
    if (this.#session) throw new Error('connect() was already called')
    try {
      const consumer = await this.#application.admit(this.#scope)
      this.#session = this.#application.createSession(
        consumer,
        this.#scope,
        this.#transport(),
        this.#logger(),
      )
      this.#session.open()
    } catch (error) {
      if (!isThrownResponse(error)) throw error
      return refused(error)
    }
    return await within(this.#answer.promise, timeout, 'The consumer neither accepted nor refused')
  }

  /** Sends a text frame, or a binary one. */
  send(data: WebSocketData): void {
    if (!this.#session) throw new Error('send() was called before connect()')
    this.#session.message(data)
  }

  sendJson(value: unknown): void {
    this.send(JSON.stringify(value))
  }

  /** Resolves to the next message. */
  async receive(timeout: number = 1): Promise<WebSocketData> {
    return await this.#inbox.take(timeout, 'Nothing was received')
  }

  /** Resolves to the next message, which must be JSON in a text frame. */
  async receiveJson(timeout: number = 1): Promise<unknown> {
    const data = await this.receive(timeout)
    if (typeof data !== 'string') throw new Error('A binary message was received where JSON was awaited')
    return JSON.parse(data) as unknown
  }

  /** Resolves to whether nothing arrives for this many seconds. */
  async receiveNothing(duration: number = 0.1): Promise<boolean> {
    return await this.#inbox.staysEmpty(duration)
  }

  /** Waits until the server ends the connection; resolves to its code and reason. Unread messages stay. */
  async receiveClose(timeout: number = 1): Promise<{ code: number; reason: string }> {
    const { code, reason } = await within(this.#inbox.ended, timeout, 'The connection was not closed')
    return { code, reason }
  }

  /** Disconnects as a client does, and waits until the consumer's `disconnect` and tasks have ended. */
  async disconnect(code: number = CloseCode.normal, timeout: number = 1): Promise<void> {
    try {
      this.#session?.disconnected(code, '')
      this.#end(code, '')
      if (this.#session) await within(this.#session.finished, timeout, 'The consumer did not end')
    } finally {
      if (this.#owned) await this.#application.close()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.disconnect()
  }

  #transport(): Transport {
    return {
      accept: ({ subprotocol, headers = {} }) => {
        if (this.#closed) throw this.#closed
        this.#answer.resolve({ accepted: true, subprotocol, headers })
      },
      refuse: (refusal) => {
        this.#answer.resolve(refused(refusal))
        this.#end(CloseCode.abnormal, refusal instanceof HttpError ? refusal.message : '')
      },
      send: (data) => {
        if (this.#closed) return Promise.reject(this.#closed)
        this.#inbox.put(data)
        return undefined
      },
      write: (frame) => {
        if (this.#closed) return false
        this.#inbox.put(frame.text)
        return true
      },
      cutSlow: ignore,
      close: (code, reason) => this.#end(code, reason),
      pause: ignore,
      resume: ignore,
    }
  }

  #end(code: number, reason: string): void {
    if (this.#closed) return
    this.#closed = new ConnectionClosedError(code, reason)
    if (this.#failure !== undefined) this.#closed.cause = this.#failure
    this.#inbox.end(this.#closed)
  }

  /** Keeps what a handler threw, as the cause of the error of a wait that fails. */
  #logger(): Logger {
    const { logger } = this.#application
    return {
      debug: (fields, message) => logger.debug(fields, message),
      info: (fields, message) => logger.info(fields, message),
      warn: (fields, message) => logger.warn(fields, message),
      error: (fields, message) => {
        if ('err' in fields) this.#failure = fields.err
        logger.error(fields, message)
      },
    }
  }
}

function refused(refusal: ThrownResponse): ConnectResult {
  const error = refusal instanceof HttpError ? refusal : undefined
  const response = refusal instanceof HttpError ? refusal.toResponse() : refusal
  return { accepted: false, status: refusal.status, error, response }
}

function applicationOf(consumer: AnyConsumerClass, pattern: string): Application {
  const routes = [websocket(pattern, consumer as ConsumerClass)]
  return new Application({ routes, channels: memoryChannels(), logger: silentLogger })
}

/** Resolves as the promise does; rejects after this many seconds. */
async function within<T>(promise: Promise<T>, seconds: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} within ${seconds} s`)), seconds * 1000)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

function ignore(): void {}
