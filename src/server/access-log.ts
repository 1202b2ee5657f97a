import type { ServerResponse } from 'node:http'
import { scopeForLog } from '../consumers/scope.ts'
import type { Logger } from '../logging/logger.ts'
import type { RequestScope } from './request-scope.ts'

/** Logs a request when its answer is complete or cut off. Query and headers stay out: they carry secrets. */
export function logRequest(logger: Logger, scope: RequestScope, outgoing: ServerResponse): void {
  const start = performance.now()
  outgoing.once('close', () => {
    const ms = Math.round(performance.now() - start)
    const status = outgoing.writableFinished ? outgoing.statusCode : 499
    logger.info({ scope: scopeForLog(scope), method: scope.method, status, ms }, 'request')
  })
}
