/**
 * What a request for records is answered with, most often many times a second: it is written to the `node:http`
 * response where there is one. A `Response`, with its headers and its body that is a stream, costs several times that.
 */
import { Buffer } from 'node:buffer'
import type { Exchange } from './exchange.ts'

export interface StreamAnswer {
  readonly status: number
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined
}

/** Statuses whose answers have no body, and no length. */
const EMPTY: ReadonlySet<number> = new Set([204, 304])

/** Stands for what is written already: it is passed over. */
const WRITTEN = new Response(null)

/** What a handler returns for an answer, which may be on its way already. */
export function respondWith(answer: StreamAnswer, exchange: Pick<Exchange, 'outgoing' | 'signal'>): Response {
  const { outgoing, signal } = exchange
  // Whoever aborted it answers in its own way: a server that goes down closes connections, for one.
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
