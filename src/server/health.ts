/**
 * `/healthz` says that the process lives, `/readyz` that it wants traffic. Both answer before any
 * route and host check, since probes come by address.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ApplicationOptions } from './application.ts'

/** Seconds an application's own readiness check may take. */
const CHECK_TIMEOUT = 5

/** Answers a probe; false when the request is none. */
export function answerProbe(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  application: Pick<ApplicationOptions, 'ready' | 'logger'>,
  draining: boolean,
): boolean {
  const path = incoming.url?.split('?', 1)[0]
  if (path === '/healthz') answer(outgoing, 200, 'ok')
  else if (path === '/readyz') void answerReady(outgoing, application, draining)
  else return false
  return true
}

async function answerReady(
  outgoing: ServerResponse,
  { ready, logger }: Pick<ApplicationOptions, 'ready' | 'logger'>,
  draining: boolean,
): Promise<void> {
  if (draining) return answer(outgoing, 503, 'draining')
  try {
    const isReady = ready ? await inTime(ready) : true
    answer(outgoing, isReady ? 200 : 503, isReady ? 'ready' : 'not ready')
  } catch (error) {
    logger.warn({ err: error }, 'readiness check failed')
    answer(outgoing, 503, 'not ready')
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

function answer(outgoing: ServerResponse, status: number, text: string): void {
  const body = JSON.stringify({ status: text })
  outgoing.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  outgoing.end(body)
}
