/** Writes an error to a `node:http` response. */
import type { ServerResponse } from 'node:http'
import type { HttpError } from '../../protocol/errors.ts'

/** Answers with an error on a plain `node:http` response. */
export function writeError(outgoing: ServerResponse, error: HttpError): void {
  const body = JSON.stringify(error.body)
  outgoing.writeHead(error.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...error.headers,
  })
  outgoing.end(body)
}
