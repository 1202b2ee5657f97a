/**
 * A proxy as some companies and virus scanners have them: it passes no WebSocket on, and an answer only once
 * it is whole.
 */
import { Agent, type IncomingMessage, type ServerResponse, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface BufferingProxy extends AsyncDisposable {
  readonly url: string
}

export async function startBufferingProxy(target: number): Promise<BufferingProxy> {
  const agent = new Agent({ keepAlive: false })
  const pass = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const { method, url, headers } = incoming
    const upstream = request({ port: target, host: '127.0.0.1', method, path: url, headers, agent })
    outgoing.once('close', () => upstream.destroy())
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      upstream.once('response', resolve).once('error', reject)
    })
    incoming.pipe(upstream)
    const response = await answer
    const body = await buffer(response)
    const { 'transfer-encoding': _chunked, ...kept } = response.headers
    outgoing.writeHead(response.statusCode ?? 502, { ...kept, 'content-length': body.length }).end(body)
  }
  const server = createServer((incoming, outgoing) => {
    // Whoever left does not want to know.
    pass(incoming, outgoing).catch(() => outgoing.destroy())
  })
  server.on('upgrade', (_incoming, socket) =>
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      agent.destroy()
    },
  }
}
