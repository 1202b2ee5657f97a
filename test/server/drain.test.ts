import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { describe, expect, it, vi } from 'vitest'
import { WebSocketConsumer, type WebSocketData, http, websocket } from '../../src/index.ts'
import { selfSignedCertificate } from '../support/certificate.ts'
import { serve } from '../support/server.ts'

class Echo extends WebSocketConsumer {
  override receive(message: WebSocketData): Promise<void> {
    return this.send(message)
  }
}

describe('closing a server', () => {
  it('closes WebSockets with 1012 and runs disconnect to its end', async () => {
    const log: unknown[] = []
    class Ending extends Echo {
      override async disconnect(...end: unknown[]): Promise<void> {
        await nextTurn()
        log.push(end)
      }
    }
    await using server = await serve({ routes: [websocket('/ws', Ending)] })
    const clients = [await server.connect('/ws'), await server.connect('/ws')]
    await server.running.close()
    log.push('closed')
    const restart = { code: 1012, reason: 'The server is restarting' }
    for (const client of clients) expect(await client.closed).toEqual(restart)
    expect(log).toEqual([[1012, restart.reason], [1012, restart.reason], 'closed'])
  })

  it('waits for handlers and tasks that run, whose signal aborts', async () => {
    const log: string[] = []
    class Working extends WebSocketConsumer {
      override async receive(): Promise<void> {
        this.background(async (signal) => {
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          await nextTurn()
          log.push('task')
        })
        await this.send('working')
        await new Promise((resolve) => this.signal.addEventListener('abort', resolve))
        await nextTurn()
        log.push('handler')
      }
    }
    await using server = await serve({ routes: [websocket('/ws', Working)] })
    await using client = await server.connect('/ws')
    client.send('start')
    await client.receive()
    await server.running.close()
    expect(log.toSorted()).toEqual(['handler', 'task'])
  })

  it('twice is closing once, and the application may listen again', async () => {
    await using server = await serve({ routes: [websocket('/ws', Echo)] })
    const { running, app } = server
    await Promise.all([running.close(), running.close(), running.closed])
    await running.close()
    await expect(server.connect('/ws')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    const again = await app.listen({ port: 0 })
    expect((await fetch(`${again.url}/ws`)).status).toBe(426)
  })

  it('completes answers under way, and keeps no connection alive behind them', async () => {
    const began = Promise.withResolvers<void>()
    const finish = Promise.withResolvers<void>()
    const streaming = Promise.withResolvers<void>()
    await using server = await serve({
      routes: [
        http('/slow', async () => {
          began.resolve()
          await finish.promise
          return new Response('complete')
        }),
        http('/stream', () => {
          async function* body(): AsyncGenerator<Uint8Array> {
            yield Buffer.from('begun, ')
            streaming.resolve()
            await finish.promise
            yield Buffer.from('complete')
          }
          return new Response(ReadableStream.from(body()))
        }),
      ],
    })
    await using slow = await server.raw()
    slow.request('GET /slow')
    const stream = await fetch(server.url('/stream'))
    await Promise.all([began.promise, streaming.promise])
    const closed = server.running.close()
    finish.resolve()
    expect(await slow.response()).toMatchObject({
      status: 200,
      body: 'complete',
      headers: { connection: 'close' },
    })
    expect(await stream.text()).toBe('begun, complete')
    await closed
    await slow.closed
  })

  it('sends what is complete to a client that reads slowly, and cuts connections that are idle', async () => {
    const body = Buffer.alloc(8 * 1024 * 1024, 'x')
    await using server = await serve({
      routes: [http('/large', () => new Response(body)), http('/small', () => new Response('small'))],
    })
    await using idle = await server.raw()
    idle.request('GET /small')
    await idle.response()
    await using slow = await server.raw()
    slow.request('GET /large')
    await once(slow.socket, 'data')
    slow.socket.pause()
    const closed = server.running.close()
    await nextTurn()
    slow.socket.resume()
    expect((await slow.response()).body.length).toBe(body.length)
    await Promise.all([closed, idle.closed])
  })

  it.each([false, true])(
    'waits for no connection on which nothing was asked, with TLS: %s',
    async (isTls) => {
      const tls = isTls ? { tls: selfSignedCertificate() } : {}
      await using server = await serve({ routes: [] }, tls)
      const socket = isTls
        ? connectTls({ port: server.running.port, rejectUnauthorized: false })
        : connect(server.running.port)
      const accepted = once(server.running.server, isTls ? 'secureConnection' : 'connection')
      await Promise.all([once(socket, isTls ? 'secureConnect' : 'connect'), accepted])
      const closed = once(socket.resume(), 'close')
      await server.running.close()
      await closed
      expect(server.log.entries).toEqual([])
    },
  )

  it('answers the first request on a connection that was made just before', async () => {
    await using server = await serve({ routes: [] })
    const accepted = once(server.running.server, 'connection')
    const socket = connect(server.running.port)
    await accepted
    const closing = server.running.close()
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 \d{3} /)
    await closing
  })

  it('tells HTTP handlers, so that an event stream ends by itself', async () => {
    const reasons: unknown[] = []
    await using server = await serve({
      routes: [
        http('/events', (_request, { signal }) => {
          const body = new ReadableStream<Uint8Array>({
            start(controller) {
              controller.enqueue(Buffer.from('data: begun\n\n'))
              signal.addEventListener('abort', () => {
                reasons.push(signal.reason)
                controller.enqueue(Buffer.from('data: back soon\n\n'))
                controller.close()
              })
            },
          })
          return new Response(body, { headers: { 'content-type': 'text/event-stream' } })
        }),
      ],
    })
    const response = await fetch(server.url('/events'))
    const text = response.text()
    await server.running.close()
    expect(await text).toBe('data: begun\n\ndata: back soon\n\n')
    expect(reasons).toMatchObject([{ name: 'HttpError', code: 'draining' }])
    expect(server.log.entries).toEqual([])
  })

  it('answers 503 for handlers that give up because of it', async () => {
    const begun = Promise.withResolvers<void>()
    await using server = await serve({
      routes: [
        http('/waits', async (_request, { signal }) => {
          begun.resolve()
          await sleep(60_000, undefined, { signal })
          return new Response('too late')
        }),
      ],
    })
    const answer = fetch(server.url('/waits'))
    await begun.promise
    await server.running.close()
    const response = await answer
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
    expect(await response.json()).toMatchObject({ error: { code: 'draining' } })
    expect(server.log.entries).toEqual([])
  })

  it('answers handshakes that come late with 503', async () => {
    await using server = await serve({
      routes: [websocket('/ws', Echo), http('/page', () => new Response('page'))],
    })
    const sockets: Socket[] = []
    server.running.server.on('connection', (socket: Socket) => sockets.push(socket))
    await using late = await server.raw()
    await using page = await server.raw()
    const headers =
      'host: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
    late.write(`GET /ws HTTP/1.1\r\n${headers}`)
    page.write('GET /page HTTP/1.1\r\n')
    // Both requests have begun, so the server lets them end.
    await vi.waitUntil(() => sockets.length === 2 && sockets.every(({ bytesRead }) => bytesRead > 0))
    const closed = server.running.close()
    late.write('\r\n')
    page.write('host: localhost\r\n\r\n')
    expect(await late.response()).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1' },
      body: expect.stringContaining('draining') as string,
    })
    expect(await page.response()).toMatchObject({ status: 200, headers: { connection: 'close' } })
    await closed
  })

  it('answers handshakes under way with 503, and tells their consumers and hooks', async () => {
    const ends: unknown[] = []
    const asked = Promise.withResolvers<void>()
    const connecting = Promise.withResolvers<void>()
    class Slow extends WebSocketConsumer {
      override async connect(): Promise<void> {
        connecting.resolve()
        await new Promise((resolve) => this.signal.addEventListener('abort', resolve))
        await this.accept()
      }
      override disconnect(...end: unknown[]): void {
        ends.push(end)
      }
    }
    await using server = await serve({
      routes: [
        websocket('/slow', Slow),
        websocket('/guarded', Echo, {
          authenticate: async ({ signal }) => {
            asked.resolve()
            await new Promise((resolve) => signal.addEventListener('abort', resolve))
            ends.push('hook')
            return 'Ann'
          },
        }),
      ],
    })
    await using slow = await server.raw()
    await using guarded = await server.raw()
    slow.upgrade('/slow')
    guarded.upgrade('/guarded')
    await Promise.all([connecting.promise, asked.promise])
    const closed = server.running.close()
    for (const client of [slow, guarded])
      expect(await client.response()).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    await closed
    expect(ends).toContainEqual([1006, 'The server is shutting down. Connect again in a moment.'])
    expect(ends).toContainEqual('hook')
    expect(server.log.entries).toEqual([])
  })
})

describe('shutdownTimeout', () => {
  it('cuts what hangs, and says how much', async () => {
    class Hanging extends WebSocketConsumer {
      override async receive(): Promise<void> {
        await this.send('hanging')
        await new Promise(() => {})
      }
    }
    await using server = await serve(
      { routes: [websocket('/ws', Hanging), http('/page', () => new Promise(() => {}))] },
      { shutdownTimeout: 0.1, httpTimeout: 0 },
    )
    // One handler that never ends, one answer, one client that never answers the close frame, and one that says nothing.
    await using handler = await server.connect('/ws')
    handler.send('start')
    await handler.receive()
    const answer = fetch(server.url('/page')).then(
      () => 'answered',
      () => 'cut',
    )
    await using deaf = await server.raw()
    deaf.upgrade('/ws')
    await deaf.response()
    await using silent = await server.raw()
    await server.running.close()
    expect(await answer).toBe('cut')
    await Promise.all([handler.closed, deaf.closed, silent.closed])
    expect(server.log.entries).toMatchObject([
      { level: 'warn', message: expect.stringContaining('shutdown took too long') as string },
    ])
  })

  it('of 0 cuts at once', async () => {
    await using server = await serve({ routes: [websocket('/ws', Echo)] }, { shutdownTimeout: 0 })
    await using client = await server.raw()
    client.upgrade('/ws')
    await client.response()
    await server.running.close()
    await expect(client.closed).resolves.toBeUndefined()
  })
})
