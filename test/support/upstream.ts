/** A model service of a few lines, for what a well-behaved mock cannot do. */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'

/** A request, and when its connection closed. */
export interface UpstreamRequest {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** What was sent with it. */
  readonly body: string
  /** Resolves with `performance.now()` when the connection of the request has closed. */
  readonly closed: Promise<number>
}

export interface Upstream {
  readonly baseURL: string
  readonly requests: readonly UpstreamRequest[]
}

/** Starts a server on a free port, until the test ends, that hands each request, its body read, to `answer`. */
export async function upstream(answer: (request: UpstreamRequest) => void): Promise<Upstream> {
  const requests: UpstreamRequest[] = []
  const server = createServer((req, res) => {
    const closed = new Promise<number>((resolve) => {
      req.socket.once('close', () => resolve(performance.now()))
    })
    const request = { req, res, closed, body: '' }
    requests.push(request)
    req.setEncoding('utf8').on('data', (part: string) => (request.body += part))
    req.once('end', () => answer(request))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  )
  return { baseURL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`, requests }
}

/** Begins an event stream and writes these events, or texts as they are, and leaves it open. */
export function stream(res: ServerResponse, ...parts: readonly (string | { readonly type: string })[]): void {
  if (!res.headersSent) res.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const part of parts) {
    res.write(typeof part === 'string' ? part : `event: ${part.type}\ndata: ${JSON.stringify(part)}\n\n`)
  }
}

/** The event of one piece of text. */
export function delta(text: string): { type: string; delta: string } {
  return { type: 'response.output_text.delta', delta: text }
}
