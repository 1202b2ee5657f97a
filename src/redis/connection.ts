/**
 * A connection to Redis that comes back. What is asked while Redis is away waits for it, for a bounded
 * time; what was sent and not answered in that time is given up, with the connection.
 *
 * Invariants: requests go out in the order they are made, those that waited first; nothing is sent
 * twice; what was refused here is never sent; every request settles.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../logging/logger.ts'
import { type Argument, type RedisClient, RedisRefusedError, type Reply } from './open-client.ts'
import { UnfitRedisError } from './unfit.ts'

/** What a connection throws: the errors of whoever uses it. */
export interface ConnectionErrors {
  /** `close()` was called. */
  closed(): Error
  /** Redis is away, or refused. `uncertain`: what was asked may have taken effect. */
  unavailable(what: string, uncertain: boolean, cause?: unknown): Error
}

export interface RedisConnectionOptions {
  /** For logs and errors: which Redis. */
  readonly title: string
  /** Opens a client; tells when it is lost. The signal ends the attempt. */
  open(signal: AbortSignal, onLost: (error: Error) => void): Promise<RedisClient>
  /** Milliseconds that a request waits for Redis to be there, and then for its answer. */
  readonly timeoutMs: number
  readonly logger: Logger
  readonly errors: ConnectionErrors
  /** Prepares a client that was opened; what it sends comes before everything else. */
  prepare?(client: RedisClient): Promise<unknown>
  /** Called each time Redis is back; what it asks for comes before what waits. */
  onReady?(): void
}

/** Milliseconds before the first attempt to reconnect, and the longest between two. */
const FIRST_DELAY = 50
const MAX_DELAY = 2_000
/** Requests that may wait for Redis; more are refused at once, so that memory stays bounded. */
const MAX_WAITING = 100_000
/** Answers of a server that is not the one to talk to; another may be, after reconnecting. */
const LEAVE = new Set(['READONLY', 'MASTERDOWN', 'LOADING', 'UNBLOCKED'])

interface Waiting {
  send(client: RedisClient): void
  fail(error: Error): void
}

/** Milliseconds between two looks for an answer that is overdue, at most. */
const LOOK_MS = 500

export class RedisConnection {
  readonly #options: RedisConnectionOptions
  readonly #waiting = new Set<Waiting>()
  /** When each request under way was sent, in milliseconds; the oldest is first. */
  readonly #sent = new Set<{ readonly at: number }>()
  readonly #closing = new AbortController()
  #client: RedisClient | undefined
  #opening: Promise<void> | undefined
  #watch: NodeJS.Timeout | undefined
  /** Milliseconds for which looks came too late, as the event loop had no turn. */
  #stood = 0
  #lastFailure: Error | undefined

  constructor(options: RedisConnectionOptions) {
    this.#options = options
  }

  get ready(): boolean {
    return this.#client !== undefined
  }

  /** Why the Redis that is there cannot be used, as of the last attempt. */
  get unfit(): UnfitRedisError | undefined {
    return this.#lastFailure instanceof UnfitRedisError ? this.#lastFailure : undefined
  }

  /** Rejects with one of `errors`, or a `RedisRefusedError` of the kind NOSCRIPT. */
  request(args: readonly Argument[]): Promise<Reply> {
    return this.call((client) => client.send(args))
  }

  /** Like `request`, for what is no plain request: `ask` sends it, at once, and gives its answer. */
  call<Answer>(ask: (client: RedisClient) => Promise<Answer>): Promise<Answer> {
    if (this.#closing.signal.aborted) return Promise.reject(this.#options.errors.closed())
    if (this.#client) return this.#send(this.#client, ask)
    this.#open()
    return this.#wait(ask)
  }

  /** Ends the connection; what is under way rejects as closed. */
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
      const what = `${MAX_WAITING} calls wait for Redis at ${title} already`
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
      // Lost again while those that had waited were served.
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
          if (!this.unfit) logger.error({ err: error, redis: title }, 'Redis cannot be used; trying again')
        } else if (delay === FIRST_DELAY)
          logger.warn({ err: error, redis: title }, 'Redis is away; trying again')
        this.#lastFailure = error as Error
      }
      // Many processes lost the same Redis at the same moment.
      await sleep(delay * (0.5 + Math.random() / 2), undefined, { signal, ref: false }).catch(() => undefined)
    }
  }

  async #openOnce(): Promise<void> {
    const opened: { client?: RedisClient; lost?: Error } = {}
    const client = await this.#options.open(this.#closing.signal, (error) => {
      opened.lost = error
      if (opened.client) this.#lost(opened.client, error)
    })
    // A Redis that hangs at this moment answers nothing, and nothing else would notice.
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
    if (this.#lastFailure) this.#options.logger.info({ redis: this.#options.title }, 'Redis is back')
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
    this.#options.logger.warn({ err: error, redis: this.#options.title }, 'Redis was lost; reconnecting')
    this.#open()
  }

  /** One timer for all requests: only the oldest can be overdue. */
  #armWatch(): void {
    if (!this.#watch) this.#look(this.#options.timeoutMs)
  }

  #look(milliseconds: number): void {
    const wait = Math.min(milliseconds, LOOK_MS, this.#options.timeoutMs / 4)
    const due = performance.now() + wait
    this.#watch = setTimeout(() => {
      // While this process stood still, no answer could be read: that is no time that Redis took.
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
