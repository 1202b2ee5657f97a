/**
 * The answer to a request for records. It is written directly to the `node:http` response, if there is one: a
 * `Response`, with headers and a body stream, costs several times as much, and this happens many times a second.
 */
import { Buffer } from 'node:buffer'
import type { Exchange } from './exchange.ts'

export interface StreamAnswer {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined
}

/** Statuses without a body and without a length. */
const EMPTY: ReadonlySet<number> = new Set([204, 304])

/** Stands for an answer that is written already; the server ignores it. */
const WRITTEN = new Response(null)

/** Returns what a handler returns for an answer, which may be written already. */
export function respondWith(answer: StreamAnswer, exchange: Pick<Exchange, 'outgoing' | 'signal'>): Response {
  const { outgoing, signal } = exchange
  // After an abort, the server answers: when it shuts down, for example, it closes connections.
  if (!outgoing || outgoing.headersSent || outgoing.destroyed || signal.aborted) return responseOf(answer)
  const { status, headers, body = '' } = answer
  const length = EMPTY.has(status) ? undefined : { 'content-length': String(Buffer.byteLength(body)) }
  outgoing.writeHead(status, { ...headers, ...length })
  outgoing.end(body)
  return WRITTEN
}

function responseOf({ status, headers, body }: StreamAnswer): Response {
  return new Response(body ?? null, { status, headers })
}
