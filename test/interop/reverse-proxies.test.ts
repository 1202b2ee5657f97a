/** What docs/deploying.md puts in front of a server, run as it stands there. */
import { request as ask } from 'node:http'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { WebSocketConsumer, http, httpStreams, memory, streaming, websocket } from '../../src/index.ts'
import { type ProxyName, startProxy } from '../support/reverse-proxy.ts'
import { type TestServer, serve } from '../support/server.ts'
import { describeWith } from '../support/services.ts'
import { WebSocketClient } from '../support/websocket-client.ts'

/** More than nginx takes by default, and than its buffers hold. */
const UPLOAD = 3 * 1024 * 1024

class Echo extends WebSocketConsumer {
  override async receive(message: string | Uint8Array): Promise<void> {
    await this.send(message)
  }
}

async function serveBehindProxy(): Promise<TestServer> {
  const streams = streaming({ store: memory() })
  await streams.store.create('s', { contentType: 'application/json', records: ['"first"'] })
  return await serve(
    {
      streams,
      routes: [
        http('/', (_request, { scope: { scheme, host, client } }) =>
          Response.json({ scheme, host, client: client.address, page: 'x'.repeat(2_000) }),
        ),
        http('/upload', {
          POST: async (request) => Response.json({ bytes: (await request.arrayBuffer()).byteLength }),
        }),
        websocket('/ws', Echo),
        httpStreams('/streams', streams.services),
      ],
    },
    { trustProxy: true, allowedHosts: ['127.0.0.1'] },
  )
}

/** An answer as it comes, for a client that takes gzip. */
async function* bytesOf(url: string): AsyncGenerator<string> {
  const request = ask(url)
  request.end()
  const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer>]
  for await (const chunk of response) yield chunk.toString()
}

describe.each<ProxyName>(['nginx', 'caddy'])('behind %s', (name) => {
  describeWith([name], 'as documented', (paths) => {
    test('pages, WebSockets, event streams and uploads go through', async () => {
      await using server = await serveBehindProxy()
      await using proxy = await startProxy(name, paths[name], server.running.port)

      // A page, which knows under which address it was asked for, and by whom.
      const { host } = new URL(proxy.url)
      const page = await fetch(proxy.url, { headers: { 'accept-encoding': 'gzip' } })
      expect(page.headers.get('content-encoding')).toBe('gzip')
      expect(await page.json()).toMatchObject({ scheme: 'http', host, client: '127.0.0.1' })

      // Its WebSocket, and nobody else's.
      const address = `${proxy.url.replace('http', 'ws')}/ws`
      await using socket = await WebSocketClient.connect(address, { origin: proxy.url })
      socket.send('hello')
      expect(await socket.receive()).toBe('hello')
      await expect(WebSocketClient.connect(address, { origin: 'http://127.0.0.1' })).rejects.toMatchObject({
        status: 403,
      })

      // Events as they come: the second is written when the first has arrived.
      const { store } = server.app.options.streams!
      const events = bytesOf(`${proxy.url}/streams/s?offset=-1&live=sse`)
      let seen = ''
      while (!seen.includes('"first"')) seen += String((await events.next()).value)
      await store.append('s', { records: ['"second"'], close: true })
      for await (const text of events) seen += text
      expect(seen).toContain('"second"')

      const body = new Uint8Array(UPLOAD)
      const upload = await fetch(`${proxy.url}/upload`, { method: 'POST', body })
      expect(await upload.json()).toEqual({ bytes: UPLOAD })
    })

    test('an event stream comes as it is written to a client that takes gzip', async () => {
      await using server = await serveBehindProxy()
      await using proxy = await startProxy(name, paths[name], server.running.port)
      const { store } = server.app.options.streams!
      const response = await fetch(`${proxy.url}/streams/s?offset=-1&live=sse`, {
        headers: { 'accept-encoding': 'gzip' },
      })
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
      let seen = ''
      while (!seen.includes('"first"')) seen += (await reader.read()).value
      await store.append('s', { records: ['"second"'], close: true })
      for (let part = await reader.read(); !part.done; part = await reader.read()) seen += part.value
      expect(seen).toContain('"second"')
    })
  })
})
