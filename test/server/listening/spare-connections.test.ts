import { describe, expect, it, vi } from 'vitest'
import { WebSocketConsumer, http, websocket } from '../../../src/index.ts'
import { selfSignedCertificate } from '../../support/certificate.ts'
import { RawClient } from '../../support/raw-client.ts'
import { type TestServer, serve } from '../../support/server.ts'
import { WebSocketClient } from '../../support/websocket-client.ts'

const routes = [http('/page', () => new Response('page')), websocket('/ws', WebSocketConsumer)]

/** A server with as many connections as it serves: twice `maxConnections`. */
async function fullServer(): Promise<{ server: TestServer; held: RawClient[] }> {
  const server = await serve({ routes }, { maxConnections: 2 })
  const held: RawClient[] = []
  for (let i = 0; i < 4; i++) {
    const accepted = server.nextSocket()
    held.push(await server.raw())
    await accepted
  }
  return { server, held }
}

describe('a full server', () => {
  it('answers probes, and tells everybody else that it is full', async () => {
    const { server } = await fullServer()
    for (const path of ['/healthz', '/readyz']) {
      await using probe = await server.raw()
      probe.request(`GET ${path}`)
      expect(await probe.response()).toMatchObject({ status: 200, headers: { connection: 'close' } })
      await probe.closed
    }
    for (const ask of [
      (client: RawClient) => client.request('GET /page'),
      (client: RawClient) => client.upgrade('/ws'),
    ]) {
      await using client = await server.raw()
      ask(client)
      const response = await client.response()
      expect([response.status, response.headers['retry-after']]).toEqual([503, '5'])
      expect(response.body).toContain('too_many_connections')
      await client.closed
    }
    await server[Symbol.asyncDispose]()
  })

  it('serves again when there is room', async () => {
    const { server, held } = await fullServer()
    await using late = await server.raw()
    await held[0]?.[Symbol.asyncDispose]()
    await vi.waitUntil(() => connections(server).then((count) => count === 4), 30_000)
    late.request('GET /page')
    expect(await late.response()).toMatchObject({ status: 200, body: 'page' })
    await server[Symbol.asyncDispose]()
  })

  it('answers probes under a flood of connections that say nothing, which is logged as a count', async () => {
    const { server } = await fullServer()
    const flood = await Promise.all(Array.from({ length: 200 }, () => server.raw().catch(() => undefined)))
    await using probe = await server.raw()
    probe.request('GET /healthz')
    expect(await probe.response()).toMatchObject({ status: 200 })
    expect(server.log.entries.length).toBeLessThan(3)
    for (const client of flood) await client?.[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  it('answers probes over TLS as well', async () => {
    const { cert, key } = selfSignedCertificate()
    await using server = await serve({ routes }, { maxConnections: 1, tls: { cert, key } })
    const open = await Promise.all(
      [1, 2].map(() => RawClient.connect({ port: server.running.port, host: '127.0.0.1' })),
    )
    await vi.waitUntil(() => connections(server).then((count) => count === 2), 30_000)
    await expect(
      WebSocketClient.connect(`${server.running.url.replace('https', 'wss')}/ws`, { ca: cert }),
    ).rejects.toMatchObject({ status: 503, body: { error: { code: 'too_many_connections' } } })
    for (const client of open) await client[Symbol.asyncDispose]()
  })
})

function connections({ running }: TestServer): Promise<number> {
  return new Promise((resolve, reject) =>
    running.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  )
}
