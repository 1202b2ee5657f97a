/**
 * Health probes: `/healthz` answers that the process lives, `/readyz` that it can take traffic. Both come
 * before routes and host checks, because probes use the server's address.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '../logging/logger.ts'
import { StoreError } from '../streams/errors.ts'
import type { ApplicationOptions } from './application-options.ts'
import { StartError } from './listening/start-error.ts'

/** Seconds that a readiness check may take. */
const CHECK_TIMEOUT = 5

/** What probes are told of the server. */
export interface ProbedServer {
  readonly draining: boolean
  /** The number of the worker process; undefined for a single process. */
  readonly worker: number | undefined
}

/** What decides whether an application can serve: its own check, its stream store and its channel layer. */
export type Readiness = Pick<ApplicationOptions, 'ready' | 'streams' | 'logger'> &
  Partial<Pick<ApplicationOptions, 'channels'>>

/** Answers a probe. Returns false for another request. */
export function answerProbe(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  application: Readiness,
  server: ProbedServer,
): boolean {
  const path = incoming.url?.split('?', 1)[0]
  const answer = (status: number, text: string, reason?: string): void => {
    const { draining, worker } = server
    const body = JSON.stringify({
      status: text,
      ...(reason !== undefined && { reason }),
      ...(worker !== undefined && { worker }),
    })
    // A probe's connection that is kept alive would keep the server from ending.
    if (draining) outgoing.setHeader('connection', 'close')
    const length = Buffer.byteLength(body)
    outgoing.writeHead(status, {
      'content-type': 'application/json',
      'content-length': length,
      'cache-control': 'no-store',
    })
    outgoing.end(body)
  }
  if (path === '/healthz') answer(200, 'ok')
  else if (path !== '/readyz') return false
  else if (server.draining) answer(503, 'draining')
  else
    void whyNotReady(application).then((reason) =>
      reason === undefined ? answer(200, 'ready') : answer(503, 'not ready', reason),
    )
  return true
}

/** Whether the application can serve, by all three checks. Never rejects. */
export async function isReady(application: Readiness): Promise<boolean> {
  return (await whyNotReady(application)) === undefined
}

/** All reasons why the application cannot serve, without secrets; undefined when it can. Never rejects. */
async function whyNotReady({ ready, streams, channels, logger }: Readiness): Promise<string | undefined> {
  const reasons = await Promise.all([
    fault('the application', ready, logger),
    fault('the stream store', checkOf(streams?.store), logger),
    fault('the channel layer', checkOf(channels), logger),
  ])
  return reasons.filter((reason) => reason !== undefined).join('; ') || undefined
}

type Check = NonNullable<ApplicationOptions['ready']>

function checkOf(one: { check?(signal: AbortSignal): Promise<boolean> } | undefined): Check | undefined {
  return one?.check && ((signal) => one.check?.(signal) ?? true)
}

async function fault(what: string, check: Check | undefined, logger: Logger): Promise<string | undefined> {
  if (!check) return undefined
  const isOwn = what === 'the application'
  try {
    if (await inTime(check)) return undefined
    return isOwn ? `${what} says that it is not ready` : `${what} cannot be reached`
  } catch (error) {
    if (isUnfit(error)) return unfitRedis(what, error)
    logger.warn({ err: error }, 'readiness check failed')
    return error instanceof StoreError ? `${what} cannot work: ${error.code}` : `the check of ${what} failed`
  }
}

/** What may be otherwise in a moment: no reason not to start. */
const PASSING: ReadonlySet<string> = new Set(['unavailable', 'locked', 'overloaded'])

/**
 * Opens the store, if it is opened at its first use, and refuses to start with one that cannot be used, or with a Redis
 * that cannot. A store that is away may come back.
 *
 * @throws {StartError} for a Redis that cannot be used.
 */
export async function refuseUnfit({ streams, channels }: Omit<Readiness, 'ready' | 'logger'>): Promise<void> {
  const refuse = async (what: string, check: Check | undefined): Promise<void> => {
    const error: unknown = check && (await inTime(check).catch((failure: unknown) => failure))
    if (isUnfit(error)) throw new StartError('redis_unfit', unfitRedis(what, error), error)
    if (error instanceof StoreError && !PASSING.has(error.code))
      throw new StartError('store_unusable', error.message, error)
  }
  await Promise.all([
    refuse('the stream store', checkOf(streams?.store)),
    refuse('the channel layer', checkOf(channels)),
  ])
}

/** Runs a check; rejects when it takes too long, also when it ignores its signal. */
async function inTime(ready: Check): Promise<boolean> {
  const controller = new AbortController()
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const error = new Error(`The readiness check took longer than ${CHECK_TIMEOUT} s`)
    controller.abort(error)
    reject(error)
  }, CHECK_TIMEOUT * 1000)
  try {
    return await Promise.race([ready(controller.signal), late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Whether an error is an `UnfitRedisError`, by its code: the layer may come from another copy of Millrace.
 */
function isUnfit(error: unknown): error is Error {
  return error instanceof Error && (error as Error & { code?: unknown }).code === 'redis_unfit'
}

function unfitRedis(what: string, { message }: Error): string {
  return `the Redis of ${what} cannot be used: ${message}`
}
