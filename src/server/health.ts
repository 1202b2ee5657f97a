/**
 * `/healthz` says that the process lives, `/readyz` that it wants traffic. Both answer before any
 * route and host check, since probes come by address.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ApplicationOptions } from './application.ts'

/** Seconds an application's own readiness check may take. */
const CHECK_TIMEOUT = 5

/** What a server that answers probes is. */
export interface ProbedServer {
  readonly draining: boolean
  /** Which of several processes it is in. */
  readonly worker: number | undefined
}

/** What says whether an application can serve: its own check, its stream store and its channel layer. */
export type Readiness = Pick<ApplicationOptions, 'ready' | 'streams' | 'logger'> &
  Partial<Pick<ApplicationOptions, 'channels'>>

/** Answers a probe; false when the request is none. */
export function answerProbe(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  application: Readiness,
  server: ProbedServer,
): boolean {
  const path = incoming.url?.split('?', 1)[0]
  const answer = (status: number, text: string): void => {
    const { draining, worker } = server
    const body = JSON.stringify({ status: text, ...(worker !== undefined && { worker }) })
    // Kept alive, the connection of a probe would keep the server up.
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
  else void isReady(application).then((ready) => answer(ready ? 200 : 503, ready ? 'ready' : 'not ready'))
  return true
}

/** Whether the application can serve, by all three. Never rejects. */
export async function isReady({ ready, streams, channels, logger }: Readiness): Promise<boolean> {
  const shared = [streams?.store, channels].map(
    (one) => one?.check && ((signal: AbortSignal) => one.check?.(signal) ?? true),
  )
  const checks = [ready, ...shared]
  try {
    const answers = await Promise.all(checks.map((check) => (check ? inTime(check) : Promise.resolve(true))))
    return answers.every(Boolean)
  } catch (error) {
    logger.warn({ err: error }, 'readiness check failed')
    return false
  }
}

/** Asks the application, and rejects when it takes too long, also when it ignores its signal. */
async function inTime(ready: NonNullable<ApplicationOptions['ready']>): Promise<boolean> {
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
