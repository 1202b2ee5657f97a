/** A handshake is refused with any answer: whatever `connect` or `authenticate` throws. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { WebSocketConsumer, forbidden, http, websocket } from '../../src/index.ts'
import { WebSocketCommunicator } from '../../src/testing/index.ts'
import { serve } from '../support/server.ts'

/** An application whose `hook` throws what this makes. */
function serveThrowing(hook: 'authenticate' | 'connect', make: () => unknown, ends: unknown[] = []) {
  class Choosy extends WebSocketConsumer {
    override connect(): Promise<void> {
      if (hook === 'connect') throw make()
      return this.accept()
    }
    override disconnect(...end: unknown[]): void {
      ends.push(end)
    }
  }
  const authenticate = (): string => {
    if (hook === 'authenticate') throw make()
    return 'ada'
  }
  const routes = [websocket('/ws', Choosy), http('/page', () => new Response('page'), { authenticate })]
  return { routes, authenticate }
}

describe.each(['authenticate', 'connect'] as const)('a Response that %s throws', (hook) => {
  it.each<[string, Response, object]>([
    [
      'is what the client gets: status, headers and body',
      Response.json({ pay: '5 €' }, { status: 402, headers: { 'retry-after': '60', 'x-plan': 'free' } }),
      {
        status: 402,
        headers: { 'content-type': 'application/json', 'retry-after': '60', 'x-plan': 'free' },
        body: '{"pay":"5 €"}',
      },
    ],
    [
      'redirects',
      new Response(null, { status: 307, headers: { location: 'https://elsewhere.example/ws' } }),
      { status: 307, headers: { location: 'https://elsewhere.example/ws', 'content-length': '0' } },
    ],
    [
      'says nothing of the connection that is not so',
      new Response('no', {
        status: 429,
        headers: { connection: 'keep-alive', 'content-length': '9', 'transfer-encoding': 'chunked' },
      }),
      { status: 429, headers: { connection: 'close', 'content-length': '2' }, body: 'no' },
    ],
  ])('%s', async (_, response, expected) => {
    const ends: unknown[] = []
    await using server = await serve(serveThrowing(hook, () => response, ends))
    await using client = await server.raw()
    client.upgrade('/ws')
    expect(await client.response()).toMatchObject(expected)
    await client.closed
    expect(server.log.entries).toEqual([])
    if (hook === 'connect') await vi.waitUntil(() => ends.length > 0)
    expect(ends).toEqual(hook === 'connect' ? [[1006, '']] : [])
  })

  it('keeps its cookies apart, and a large body whole', async () => {
    const body = 'x'.repeat(1_000_000)
    const make = (): Response =>
      new Response(body, {
        status: 403,
        headers: [
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
        ],
      })
    await using server = await serve(serveThrowing(hook, make))
    await using client = await server.raw()
    client.upgrade('/ws')
    expect((await client.response()).body).toBe(body)
    const head = Buffer.concat(client.chunks).toString('latin1').split('\r\n\r\n', 1)[0]
    expect(head?.match(/set-cookie: \w=\d/g)).toEqual(['set-cookie: a=1', 'set-cookie: b=2'])
  })

  it('and that is what fetch gave it arrives whole', async () => {
    const upstream = createServer((_request, response) => {
      const headers = { 'content-encoding': 'gzip', connection: 'x-hop', 'x-hop': '1', 'x-reason': 'unpaid' }
      response.writeHead(402, headers).end(gzipSync('pay first'))
    }).listen(0, '127.0.0.1')
    await once(upstream, 'listening')
    const refused = await fetch(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}`)
    upstream.close()
    await using server = await serve(serveThrowing(hook, () => refused))
    await using client = await server.raw()
    client.upgrade('/ws')
    const { status, headers, body } = await client.response()
    expect({ status, body, reason: headers['x-reason'] }).toEqual({
      status: 402,
      body: 'pay first',
      reason: 'unpaid',
    })
    expect(Object.keys(headers)).not.toContain('content-encoding')
    expect(Object.keys(headers)).not.toContain('x-hop')
  })

  it('whose body fails is a failure of the server, and logged', async () => {
    const make = (): Response =>
      new Response(new ReadableStream({ pull: () => Promise.reject(new Error('hunter2')) }), { status: 402 })
    await using server = await serve(serveThrowing(hook, make))
    await expect(server.connect('/ws')).rejects.toMatchObject({
      status: 500,
      body: { error: { code: 'internal_error' } },
    })
    expect(server.log.entries).toMatchObject([{ level: 'error', fields: { scope: { path: '/ws' } } }])
  })

  it('whose body does not end is answered for in time', async () => {
    const cancelled = Promise.withResolvers<void>()
    const body = { cancel: () => cancelled.resolve() }
    const make = (): Response => new Response(new ReadableStream(body), { status: 402 })
    await using server = await serve(serveThrowing(hook, make), { handshakeTimeout: 0.05 })
    await expect(server.connect('/ws')).rejects.toMatchObject({
      status: 503,
      body: { error: { code: 'handshake_timeout' } },
    })
    await cancelled.promise
  })
})

it('an HttpError that connect throws is the answer, and no failure', async () => {
  await using server = await serve(serveThrowing('connect', () => forbidden('Not in this room')))
  await expect(server.connect('/ws')).rejects.toMatchObject({
    status: 403,
    body: { error: { code: 'forbidden', message: 'Not in this room' } },
  })
  expect(server.log.entries).toEqual([])
})

it('a Response that authenticate throws answers an HTTP request, too', async () => {
  await using server = await serve(
    serveThrowing('authenticate', () => new Response('pay first', { status: 402 })),
  )
  const answer = await fetch(server.url('/page'))
  expect([answer.status, await answer.text()]).toEqual([402, 'pay first'])
  expect(server.log.entries).toEqual([])
})

it('a communicator is told of it', async () => {
  class Choosy extends WebSocketConsumer {
    override connect(): void {
      // oxlint-disable-next-line typescript/only-throw-error -- what is tested
      throw new Response('pay first', { status: 402 })
    }
  }
  await using client = new WebSocketCommunicator(Choosy)
  const result = await client.connect()
  if (result.accepted) throw new Error('accepted')
  expect([result.status, result.error, await result.response.text()]).toEqual([402, undefined, 'pay first'])
})
