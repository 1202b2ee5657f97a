/**
 * A connection to Redis that reconnects. Requests made while Redis is away wait for it, for a bounded time.
 * When an answer takes longer than that time, the request fails and the connection is closed.
 *
 * Invariants: requests are sent in the order they are made, waiting ones first. No request is sent twice. A
 * request that was rejected here is never sent. Every request settles.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../logging/logger.ts'
import { type Argument, type RedisClient, RedisRefusedError, type Reply } from './open-client.ts'
import { UnfitRedisError } from './unfit.ts'

/** The errors that a connection throws, in the terms of its user. */
export interface ConnectionErrors {
  /** `close()` was called. */
  closed(): Error
  /** Redis is away, or refused the request. `uncertain`: the request may have taken effect. */
  unavailable(what: string, uncertain: boolean, cause?: unknown): Error
}

export interface RedisConnectionOptions {
  /** For logs and errors: which Redis. */
  readonly title: string
  /** Opens a client; calls `onLost` when it is lost. The signal ends the attempt. */
  open(signal: AbortSignal, onLost: (error: Error) => void): Promise<RedisClient>
  /** Milliseconds that a request waits for a connection, and then for its answer. */
  readonly timeoutMs: number
  readonly logger: Logger
  readonly errors: ConnectionErrors
  /** Prepares a new client; its requests come before all others. */
  prepare?(client: RedisClient): Promise<unknown>
  /** Called each time a connection is ready; requests that it makes come before waiting ones. */
  onReady?(): void
}

/** Milliseconds before the first attempt to reconnect, and the longest between two. */
const FIRST_DELAY = 50
const MAX_DELAY = 2_000
/** Most requests that wait for Redis. More are rejected at once, so that memory stays bounded. */
const MAX_WAITING = 100_000
/** Answers after which the connection is closed: a reconnect may lead to a better server. */
const LEAVE = new Set(['READONLY', 'MASTERDOWN', 'LOADING', 'UNBLOCKED'])

interface Waiting {
  send(client: RedisClient): void
  fail(error: Error): void
}

/** Most milliseconds between two checks for an overdue answer. */
const LOOK_MS = 500

export class RedisConnection {
  readonly #options: RedisConnectionOptions
  readonly #waiting = new Set<Waiting>()
  /** When each pending request was sent, in milliseconds; the oldest is first. */
  readonly #sent = new Set<{ readonly at: number }>()
  readonly #closing = new AbortController()
  #client: RedisClient | undefined
  #opening: Promise<void> | undefined
  #watch: NodeJS.Timeout | undefined
  /** Milliseconds by which checks ran late, because the event loop was blocked. */
  #stood = 0
  #lastFailure: Error | undefined

  constructor(options: RedisConnectionOptions) {
    this.#options = options
  }

  get ready(): boolean {
    return this.#client !== undefined
  }

  /** Why the last attempt found a Redis that cannot be used; undefined when it did not. */
  get unfit(): UnfitRedisError | undefined {
    return this.#lastFailure instanceof UnfitRedisError ? this.#lastFailure : undefined
  }

  /** Rejects with one of `errors`, or a `RedisRefusedError` of the kind NOSCRIPT. */
  request(args: readonly Argument[]): Promise<Reply> {
    return this.call((client) => client.send(args))
  }

  /** Like `request`, for other calls of the client: `ask` makes the call, at once, and returns its answer. */
  call<Answer>(ask: (client: RedisClient) => Promise<Answer>): Promise<Answer> {
    if (this.#closing.signal.aborted) return Promise.reject(this.#options.errors.closed())
    if (this.#client) return this.#send(this.#client, ask)
    this.#open()
    return this.#wait(ask)
  }

  /** Ends the connection; pending requests reject as closed. */
  async close(): Promise<void> {
    this.#closing.abort()
    clearTimeout(this.#watch)
    const client = this.#client
    this.#client = undefined
    client?.end()
    for (const waiting of this.#waiting) waiting.fail(this.#options.errors.closed())
    await this.#opening
  }

  async #send<Answer>(client: RedisClient, ask: (client: RedisClient) => Promise<Answer>): Promise<Answer> {
    const sent = { at: performance.now() - this.#stood }
    this.#sent.add(sent)
    this.#armWatch()
    try {
      return await ask(client)
    } catch (error) {
      throw this.#failure(client, error)
    } finally {
      this.#sent.delete(sent)
    }
  }

  #failure(client: RedisClient, error: unknown): Error {
    const { title } = this.#options
    if (error instanceof RedisRefusedError) {
      if (error.kind === 'NOSCRIPT') return error
      if (LEAVE.has(error.kind)) this.#lost(client, error)
      return this.#options.errors.unavailable(`Redis at ${title} refused: ${error.message}`, false, error)
    }
    if (this.#closing.signal.aborted) return this.#options.errors.closed()
    return this.#options.errors.unavailable(`Redis at ${title} was lost`, true, this.#lastFailure ?? error)
  }

  #wait<Answer>(ask: (client: RedisClient) => Promise<Answer>): Promise<Answer> {
    const { timeoutMs, title } = this.#options
    if (this.#waiting.size >= MAX_WAITING) {
      const what = `${MAX_WAITING} calls already wait for Redis at ${title}`
      return Promise.reject(this.#options.errors.unavailable(what, false, this.#lastFailure))
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(waiting)
      }
      const waiting: Waiting = {
        send: (client) => {
          leave()
          resolve(this.#send(client, ask))
        },
        fail: (error) => {
          leave()
          reject(error)
        },
      }
      const timer = setTimeout(() => {
        const what = `Redis at ${title} ${this.unfit ? `cannot be used: ${this.unfit.message}` : 'is away'}`
        waiting.fail(this.#options.errors.unavailable(what, false, this.#lastFailure))
      }, timeoutMs)
      this.#waiting.add(waiting)
    })
  }

  #open(): void {
    this.#opening ??= this.#openUntilReady().finally(() => {
      this.#opening = undefined
      // The connection was lost again while it served the waiting requests.
      if (!this.#client && this.#waiting.size > 0) this.#open()
    })
  }

  async #openUntilReady(): Promise<void> {
    const { signal } = this.#closing
    const { logger, title } = this.#options
    for (let delay = FIRST_DELAY; !signal.aborted; delay = Math.min(delay * 2, MAX_DELAY)) {
      try {
        await this.#openOnce()
        return
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof UnfitRedisError) {
          if (!this.unfit) logger.error({ err: error, redis: title }, 'redis cannot be used; trying again')
        } else if (delay === FIRST_DELAY)
          logger.warn({ err: error, redis: title }, 'redis is away; trying again')
        this.#lastFailure = error as Error
      }
      // A random delay, because many processes may have lost the same Redis at the same moment.
      await sleep(delay * (0.5 + Math.random() / 2), undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  async #openOnce(): Promise<void> {
    const opened: { client?: RedisClient; lost?: Error } = {}
    const client = await this.#options.open(this.#closing.signal, (error) => {
      opened.lost = error
      if (opened.client) this.#lost(opened.client, error)
    })
    // A Redis that hangs now never answers, and nothing else would notice.
    const limit = setTimeout(() => client.end(), this.#options.timeoutMs)
    try {
      await this.#options.prepare?.(client)
      if (opened.lost) throw opened.lost
    } catch (error) {
      client.end()
      throw error
    } finally {
      clearTimeout(limit)
    }
    if (this.#closing.signal.aborted) {
      client.end()
      return
    }
    opened.client = client
    this.#client = client
    if (this.#lastFailure) this.#options.logger.info({ redis: this.#options.title }, 'redis is back')
    this.#lastFailure = undefined
    this.#options.onReady?.()
    for (const waiting of this.#waiting) waiting.send(client)
  }

  #lost(client: RedisClient, error: Error): void {
    if (this.#client !== client) return
    this.#lastFailure = error
    this.#client = undefined
    client.end()
    if (this.#closing.signal.aborted) return
    this.#options.logger.warn({ err: error, redis: this.#options.title }, 'redis was lost; reconnecting')
    this.#open()
  }

  /** One timer serves all requests, because the oldest is overdue first. */
  #armWatch(): void {
    if (!this.#watch) this.#look(this.#options.timeoutMs)
  }

  #look(milliseconds: number): void {
    const wait = Math.min(milliseconds, LOOK_MS, this.#options.timeoutMs / 4)
    const due = performance.now() + wait
    this.#watch = setTimeout(() => {
      // While this process was blocked it could read no answer, so that time does not count.
      this.#stood += Math.max(0, performance.now() - due)
      this.#checkOldest()
    }, wait)
  }

  #checkOldest(): void {
    this.#watch = undefined
    const [oldest] = this.#sent
    if (!oldest || this.#closing.signal.aborted) return
    const left = oldest.at + this.#options.timeoutMs - (performance.now() - this.#stood)
    if (left > 0) {
      this.#look(left)
    } else if (this.#client) {
      this.#lost(this.#client, new Error(`no answer within ${this.#options.timeoutMs / 1000} s`))
    }
  }
}
