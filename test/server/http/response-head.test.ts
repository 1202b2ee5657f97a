import { createServer } from 'node:http'
import { once } from 'node:events'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { http } from '../../../src/index.ts'
import { serve } from '../../support/server.ts'

const TEXT = 'what the upstream says, '.repeat(100)
const CODINGS = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync, zstd: zstdCompressSync }
type Coding = keyof typeof CODINGS

/** A server that compresses as its path says. */
async function upstreamServer(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((request, response) => {
    const coding = (request.url ?? '').slice(1) as Coding
    const body = CODINGS[coding.replace('x-', '') as Coding](TEXT)
    response.writeHead(200, {
      'content-type': 'text/plain',
      'content-encoding': coding,
      'content-length': body.length,
      'keep-alive': 'timeout=1',
      connection: 'keep-alive, x-hop',
      'x-hop': 'one',
      'x-end': 'to end',
      'set-cookie': ['a=1', 'b=2'],
    })
    response.end(request.method === 'HEAD' ? undefined : body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

it.each(Object.keys(CODINGS) as Coding[])(
  'what fetch gave a handler from an upstream that speaks %s arrives whole, and so does the next answer',
  async (coding) => {
    await using upstream = await upstreamServer()
    const proxied = (request: Request): Promise<Response> =>
      fetch(`${upstream.url}/${coding}`, { method: request.method })
    await using server = await serve({ routes: [http('/', proxied)] })
    const head = await fetch(server.url('/'), { method: 'HEAD' })
    expect([head.headers.get('content-encoding'), await head.text()]).toEqual([null, ''])
    expect(await (await fetch(server.url('/'))).text()).toBe(TEXT)
    const response = await fetch(server.url('/'))
    expect(await response.text()).toBe(TEXT)
    const names = ['content-encoding', 'content-length', 'x-hop', 'x-end'].map((name) =>
      response.headers.get(name),
    )
    expect(names).toEqual([null, null, null, 'to end'])
    expect(response.headers.get('keep-alive')).not.toBe('timeout=1')
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2'])
  },
)

it.each(['gzip', 'x-gzip', 'deflate', 'br', 'zstd'])(
  'wrapping it in a response of one’s own is the same (%s)',
  async (coding) => {
    await using upstream = await upstreamServer()
    const wrapped = async (): Promise<Response> => {
      const { body, headers } = await fetch(`${upstream.url}/${coding}`)
      return new Response(body, { headers })
    }
    await using server = await serve({ routes: [http('/', wrapped)] })
    expect(await (await fetch(server.url('/'))).text()).toBe(TEXT)
  },
)

it.each(Object.keys(CODINGS) as Coding[])(
  'a body that a handler compressed itself (%s) stays so',
  async (coding) => {
    const body = CODINGS[coding](TEXT)
    const headers = { 'content-encoding': coding, 'content-length': String(body.length) }
    await using server = await serve({ routes: [http('/', () => new Response(body, { headers }))] })
    const response = await fetch(server.url('/'))
    expect([response.headers.get('content-encoding'), await response.text()]).toEqual([coding, TEXT])
  },
)

it('what an answer cannot have is left out of it: the length of nothing, and trailers', async () => {
  await using server = await serve({
    routes: [
      http('/nothing', () => new Response(null, { status: 204, headers: { 'content-length': '7' } })),
      http('/trailer', () => new Response('four', { headers: { trailer: 'x-sum', 'content-length': '4' } })),
    ],
  })
  await using client = await server.raw()
  client.request('GET /nothing')
  expect(Object.keys((await client.response()).headers)).not.toContain('content-length')
  client.request('GET /trailer')
  expect(await client.response()).toMatchObject({ status: 200, body: 'four' })
})

it.each([
  ['longer', '3'],
  ['shorter', '30'],
])('a body that is %s than its length ends the connection, and is logged', async (_case, length) => {
  const handler = (): Response => new Response('four', { headers: { 'content-length': length } })
  await using server = await serve({ routes: [http('/', handler)] })
  await expect(fetch(server.url('/'))).rejects.toThrow('fetch failed')
  expect(server.log.entries.at(-1)).toMatchObject({ level: 'error', message: 'response failed' })
})

it('event streams of any handler tell proxies and middleware to leave them alone', async () => {
  const events = (cacheControl?: string) => (): Response =>
    new Response('data: 1\n\n', {
      headers: {
        'content-type': 'text/event-stream',
        ...(cacheControl && { 'cache-control': cacheControl }),
      },
    })
  await using server = await serve({
    routes: [
      http('/bare', events()),
      http('/own', events('no-cache')),
      http('/both', events('no-transform')),
    ],
  })
  const answers = await Promise.all(['/bare', '/own', '/both'].map((path) => fetch(server.url(path))))
  expect(answers.map(({ headers }) => headers.get('cache-control'))).toEqual([
    'no-store, no-transform',
    'no-cache, no-transform',
    'no-transform',
  ])
  expect(answers.map(({ headers }) => headers.get('x-accel-buffering'))).toEqual(['no', 'no', 'no'])
})
