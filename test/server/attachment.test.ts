import express from 'express'
import { type RequestListener, type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { WebSocketServer } from 'ws'
import { describe, expect, it, vi } from 'vitest'
import {
  type Application,
  type Attachment,
  type Streaming,
  WebSocketConsumer,
  type WebSocketData,
  http,
  httpStreams,
  memory,
  millrace,
  streaming,
  websocket,
} from '../../src/index.ts'
import { type CollectingLogger, collectingLogger } from '../support/logger.ts'
import { RawClient } from '../support/raw-client.ts'
import { HandshakeRefused, WebSocketClient } from '../support/websocket-client.ts'
import type { ConnectionOptions } from '../../src/server/options.ts'

class Echo extends WebSocketConsumer {
  override receive(message: WebSocketData): Promise<void> {
    return this.send(message)
  }
}

interface Host extends AsyncDisposable {
  readonly app: Application
  readonly server: Server
  readonly attachment: Attachment
  readonly log: CollectingLogger
  readonly url: string
  connect(path: string): Promise<WebSocketClient>
}

/** Attaches an application to a server that somebody else made, whose requests `listener` answers. */
async function host(
  listener: (attachment: Attachment) => RequestListener,
  options?: ConnectionOptions,
  streams: Streaming = streaming({ store: memory() }),
): Promise<Host> {
  const log = collectingLogger()
  const app = millrace({
    logger: log,
    streams,
    routes: [
      websocket('/ws/:room', Echo),
      httpStreams('/streams', streams.services),
      http('/app/hello', () => new Response('hello from the application')),
      http('/app/fails', () => Promise.reject(new Error('broken'))),
    ],
  })
  const server = createServer()
  const attachment = app.attach(server, options)
  server.on('request', listener(attachment))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    app,
    server,
    attachment,
    log,
    url,
    connect: (path) => WebSocketClient.connect(url.replace('http', 'ws') + path),
    async [Symbol.asyncDispose]() {
      await app.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const own: RequestListener = (_incoming, outgoing) => void outgoing.end('hello from the host')
const textAt = async (url: string): Promise<string> => await (await fetch(url)).text()

describe('on a plain server', () => {
  it('serves WebSockets beside the routes of the host', async () => {
    await using there = await host(() => own)
    await using client = await there.connect('/ws/lobby')
    client.send('x')
    expect(await client.receive()).toBe('x')
    expect(await textAt(`${there.url}/app/hello`)).toBe('hello from the host')
  })

  it('may answer all of its requests', async () => {
    await using there = await host(({ handle }) => handle)
    expect(await textAt(`${there.url}/app/hello`)).toBe('hello from the application')
    expect((await fetch(`${there.url}/nowhere`)).status).toBe(404)
    expect((await fetch(`${there.url}/ws/lobby`)).status).toBe(426)
    // The probes are a server's own.
    expect((await fetch(`${there.url}/healthz`)).status).toBe(404)
  })

  it('refuses the handshakes that nobody else could serve', async () => {
    await using there = await host(() => own)
    await expect(there.connect('/nowhere')).rejects.toMatchObject({ status: 404 })
  })

  it.each([true, false])(
    'leaves upgrades that are not WebSockets to the pages of the host, where Node asks which are: %s',
    async (asked) => {
      const echo: RequestListener = (incoming, outgoing) =>
        void text(incoming).then((body) => outgoing.end(`${incoming.method} ${body}`))
      await using there = await host(() => echo)
      // As Node did before 24.9.
      if (!asked) Object.assign(there.server, { shouldUpgradeCallback: () => true })
      await using client = await RawClient.connect({ port: (there.server.address() as AddressInfo).port })
      const h2c = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABk' }
      for (const body of ['', 'x'.repeat(100_000), '']) {
        const length = { 'content-length': String(body.length) }
        client.request(body ? 'POST /page' : 'GET /page', body ? { ...h2c, ...length } : h2c, body)
        expect((await client.response()).body).toBe(body ? `POST ${body}` : 'GET ')
      }
      await using websocket = await there.connect('/ws/lobby')
      websocket.send('x')
      expect(await websocket.receive()).toBe('x')
    },
  )

  it('answers a handshake behind a request when the host has answered that one', async () => {
    const release = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    await using there = await host(() => (_incoming, outgoing) => {
      begun.resolve()
      void release.promise.then(() => outgoing.end('from the host'))
    })
    await using client = await RawClient.connect({ port: (there.server.address() as AddressInfo).port })
    client.request('GET /slow')
    client.upgrade('/ws/lobby')
    await begun.promise
    release.resolve()
    expect(await client.response()).toMatchObject({ status: 200, body: 'from the host' })
    expect(await client.response()).toMatchObject({ status: 101 })
  })

  it('handles the requests of a connection one after the other, beside those of the host', async () => {
    await using there = await host(({ handle }) => (incoming, outgoing) => {
      if (incoming.url === '/page') outgoing.end('from the host')
      else handle(incoming, outgoing)
    })
    await using client = await RawClient.connect({ port: (there.server.address() as AddressInfo).port })
    const paths = ['/app/hello', '/page', '/app/hello', '/nowhere', '/page']
    client.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`).join(''))
    for (const path of paths) {
      const { status, body } = await client.response()
      const expected = { '/page': 'from the host', '/app/hello': 'hello from the application' }[path]
      expect([path, status, expected === undefined ? '' : body]).toEqual([
        path,
        expected === undefined ? 404 : 200,
        expected ?? '',
      ])
    }
  })

  it('is refused a second time, and served once', async () => {
    await using there = await host(() => own)
    expect(() => there.app.attach(there.server)).toThrow('already attached to this server')
    await using client = await there.connect('/ws/lobby')
    client.send('x')
    expect(await client.receive()).toBe('x')
    expect(there.server.listenerCount('upgrade')).toBe(1)
    await there.attachment.close()
    const again = there.app.attach(there.server)
    await using later = await there.connect('/ws/lobby')
    later.send('y')
    expect(await later.receive()).toBe('y')
    await again.close()
  })

  it('ends its event streams when it is closed, and tells their readers when to come back', async () => {
    const streams = streaming({ store: memory() })
    await using there = await host(({ handle }) => handle, {}, streams)
    await streams.store.create('s')
    const answer = await fetch(`${there.url}/streams/s?offset=-1&live=sse`)
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader.read()).value).toContain('event: control')
    const poll = fetch(`${there.url}/streams/s?offset=-1&live=long-poll`)
    await vi.waitUntil(() => streams.delivery.readers('s') === 2)
    await there.attachment.close()
    expect((await reader.read()).value).toMatch(/^retry: \d+\n\n$/)
    expect((await reader.read()).done).toBe(true)
    expect((await poll).status).toBe(204)
    expect(streams.delivery.readers('s')).toBe(0)
  })

  it('has limits of its own', async () => {
    await using there = await host(() => own, { maxConnections: 1, maxMessageSize: 10 })
    await using client = await there.connect('/ws/lobby')
    await expect(there.connect('/ws/lobby')).rejects.toMatchObject({ status: 503 })
    client.send('x'.repeat(11))
    expect(await client.closed).toMatchObject({ code: 1009 })
  })
})

describe('beside another listener for upgrades', () => {
  it('leaves to it what no route of its own serves, however strange', async () => {
    await using there = await host(() => own)
    const others = new WebSocketServer({ noServer: true })
    there.server.on('upgrade', (incoming, socket, head) => {
      if (!incoming.url?.startsWith('/ws/'))
        others.handleUpgrade(incoming, socket, head, (ws) => ws.send('from the other'))
    })
    await using other = await there.connect('/hot-reload')
    expect(await other.receive()).toBe('from the other')
    await using strange = await RawClient.connect({ port: (there.server.address() as AddressInfo).port })
    strange.upgrade('/a/../b', { host: 'a b' })
    expect(await strange.response()).toMatchObject({ status: 101 })
    await using client = await there.connect('/ws/lobby')
    client.send('x')
    expect(await client.receive()).toBe('x')
    others.close()
  })

  it('still refuses what is wrong with a handshake for its own routes', async () => {
    await using there = await host(() => own)
    there.server.on('upgrade', () => {})
    await using client = await RawClient.connect({ port: (there.server.address() as AddressInfo).port })
    client.upgrade('/ws/lobby', { 'sec-websocket-key': 'short' })
    expect(await client.response()).toMatchObject({ status: 400 })
  })

  it('is not waited for without end', async () => {
    await using there = await host(() => own, { handshakeTimeout: 0.05 })
    there.server.on('upgrade', () => {})
    await expect(there.connect('/nowhere')).rejects.toMatchObject({ status: 404 })
    await using other = await RawClient.connect({ port: (there.server.address() as AddressInfo).port })
    other.upgrade('/nowhere')
    other.socket.resetAndDestroy()
    await other.closed
    expect(await textAt(there.url)).toBe('hello from the host')
  })
})

describe('two applications on one server', () => {
  it('serve what is theirs, and refuse at once what nobody serves', async () => {
    await using there = await host(() => own)
    const second = millrace({
      logger: collectingLogger(),
      routes: [websocket('/second', Echo), websocket('/ws/:room', WebSocketConsumer)],
    })
    second.attach(there.server)
    // The first that serves a path does.
    for (const path of ['/ws/lobby', '/second']) {
      await using client = await there.connect(path)
      client.send(path)
      expect(await client.receive()).toBe(path)
    }
    await expect(there.connect('/nowhere')).rejects.toMatchObject({ status: 404 })
    await there.attachment.close()
    await using client = await there.connect('/second')
    client.send('still')
    expect(await client.receive()).toBe('still')
    await second.close()
    expect(there.server.listenerCount('upgrade')).toBe(0)
  })
})

/**
 * What Next's custom server does with upgrades, without Next: its listener comes with the first request,
 * answers the paths of the development server, ends the sockets of its pages, and leaves the rest alone.
 */
function likeNext(pages: readonly string[]): (attachment: Attachment) => RequestListener {
  const reload = new WebSocketServer({ noServer: true })
  return () => {
    let isSetUp = false
    return (incoming, outgoing) => {
      outgoing.end('a page')
      if (isSetUp) return
      isSetUp = true
      const server = (incoming.socket as unknown as { server: Server }).server
      server.on('upgrade', (request, socket, head) => {
        socket.on('error', () => {})
        // It looks its routes up first.
        setImmediate(() => {
          if (request.url === '/_next/webpack-hmr')
            reload.handleUpgrade(request, socket, head, (ws) => ws.send('reload'))
          else if (pages.includes(request.url ?? '')) socket.end()
        })
      })
    }
  }
}

describe('beside a framework like Next', () => {
  it('serves its own WebSockets before and after the framework listens, and leaves its to it', async () => {
    await using there = await host(likeNext(['/', '/about']))
    for (let round = 0; round < 2; round++) {
      await using client = await there.connect('/ws/lobby')
      client.send('x')
      expect(await client.receive()).toBe('x')
      expect(await textAt(`${there.url}/about`)).toBe('a page')
      expect(there.server.listenerCount('upgrade')).toBe(2)
    }
    await using reload = await there.connect('/_next/webpack-hmr')
    expect(await reload.receive()).toBe('reload')
    await expect(there.connect('/about')).rejects.toBeInstanceOf(Error)
    await there.attachment.close()
    // What was the framework's still is.
    await using again = await there.connect('/_next/webpack-hmr')
    expect(await again.receive()).toBe('reload')
    expect(await textAt(there.url)).toBe('a page')
  })

  it('loses to a page of the framework at the same path, and goes on', async () => {
    await using there = await host(likeNext(['/ws/lobby']))
    await textAt(there.url)
    const lost = await there.connect('/ws/lobby').then(
      (client) => client.closed,
      () => ({ code: 1006 }),
    )
    expect(lost).toMatchObject({ code: 1006 })
    await using client = await there.connect('/ws/yard')
    client.send('x')
    expect(await client.receive()).toBe('x')
    expect(there.log.entries).toEqual([])
  })
})

describe('in Express', () => {
  const inExpress = (attachment: Attachment): RequestListener => {
    const app = express()
    app.get('/before', (_request, response) => void response.send('before'))
    app.use(attachment.handle)
    app.get('/after', (_request, response) => void response.send('after'))
    return app as RequestListener
  }

  it('is a middleware that passes on what it does not serve', async () => {
    await using there = await host(inExpress)
    expect(await textAt(`${there.url}/before`)).toBe('before')
    expect(await textAt(`${there.url}/app/hello`)).toBe('hello from the application')
    expect(await textAt(`${there.url}/after`)).toBe('after')
    const nowhere = await fetch(`${there.url}/nowhere`)
    expect([nowhere.status, await nowhere.text()]).toEqual([404, expect.stringContaining('Cannot GET')])
    await using client = await there.connect('/ws/lobby')
    client.send('x')
    expect(await client.receive()).toBe('x')
  })

  it('passes on even what it would refuse itself', async () => {
    await using there = await host(inExpress)
    await using client = await RawClient.connect({ port: (there.server.address() as AddressInfo).port })
    client.request('GET /after', { host: 'not a host' })
    expect(await client.response()).toMatchObject({ status: 200, body: 'after' })
  })

  it('answers for its own failures', async () => {
    await using there = await host(inExpress)
    expect((await fetch(`${there.url}/app/fails`)).status).toBe(500)
    expect(there.log.entries).toMatchObject([{ message: 'handler failed' }])
  })
})

describe('closing', () => {
  it('ends the WebSockets and leaves the server running', async () => {
    await using there = await host(() => own)
    await using client = await there.connect('/ws/lobby')
    await Promise.all([there.attachment.close(), there.attachment.close(), there.attachment.closed])
    expect(await client.closed).toMatchObject({ code: 1012 })
    expect(await textAt(there.url)).toBe('hello from the host')
    expect(there.server.listenerCount('upgrade')).toBe(0)
  })

  it('answers 503 while it lasts', async () => {
    const release = Promise.withResolvers<void>()
    const disconnecting = Promise.withResolvers<void>()
    class Lasting extends Echo {
      override async disconnect(): Promise<void> {
        disconnecting.resolve()
        await release.promise
      }
    }
    await using there = await host(() => own)
    const app = millrace({ logger: collectingLogger(), routes: [websocket('/lasting', Lasting)] })
    const attachment = app.attach(there.server)
    await using client = await there.connect('/lasting')
    const closed = attachment.close()
    await disconnecting.promise
    const late = await there.connect('/lasting').catch((error: unknown) => error)
    expect(late).toBeInstanceOf(HandshakeRefused)
    expect(late).toMatchObject({ status: 503 })
    release.resolve()
    await closed
    expect(await client.closed).toMatchObject({ code: 1012 })
  })
})
