import { readFile } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { Hono } from 'hono'
import {
  type Guards,
  HttpError,
  http,
  httpStreams,
  memory,
  millrace,
  silentLogger,
  streaming,
} from '../../../src/index.ts'
import { type TestServer, serve } from '../../support/server.ts'

const APP = 'https://app.example.com'
const EVIL = 'https://evil.example'
const LISTED = { origins: [APP, 'https://*.preview.example.com'] } as const

async function serveStreams(options: Guards & { readonly routed?: Guards } = {}): Promise<TestServer> {
  const streams = streaming({ store: memory() })
  await streams.store.create('s', { contentType: 'application/json', records: ['1'] })
  const { routed, ...rest } = options
  return await serve({
    ...(rest as object),
    streams,
    routes: [
      httpStreams('/streams', { ...streams.services, start: () => ({ id: 's' }), ...routed }),
      http('/own', () => new Response('mine', { headers: { vary: 'accept' } })),
      http('/fails', () => {
        throw new HttpError('forbidden')
      }),
    ],
  })
}

function crossing({ headers }: Response): object {
  const of = (name: string): string | null => headers.get(`access-control-${name}`)
  return { origin: of('allow-origin'), credentials: of('allow-credentials'), vary: headers.get('vary') }
}

const PASSED = { origin: APP, credentials: 'true', vary: 'Origin' }
const NOT_PASSED = { origin: null, credentials: null, vary: 'Origin' }

it('a page of a listed origin may read every header that the answers of streams are said to have', async () => {
  const specification = await readFile(new URL('../../../docs/http-streams.md', import.meta.url), 'utf8')
  const named = Array.from(specification.matchAll(/\b(?:Stream|Producer)-[\w-]+/g), ([name]) =>
    name.toLowerCase(),
  )
  // What clients alone say.
  const names = named.filter((name) => !/^(?:stream-seq|producer-id|stream-fork.*)$/.test(name))
  await using server = await serveStreams(LISTED)
  const response = await fetch(server.url('/streams/s'), { headers: { origin: APP } })
  const exposed = response.headers.get('access-control-expose-headers')?.split(', ')
  expect(names.length).toBeGreaterThan(5)
  expect(exposed).toEqual(expect.arrayContaining(names))
})

it('a page of a listed origin reads streams, live ones too, with cookies', async () => {
  await using server = await serveStreams(LISTED)
  for (const path of ['/streams/s', '/streams/s?offset=-1&live=sse', '/streams/none', '/streams', '/fails']) {
    const response = await fetch(server.url(path), { headers: { origin: APP, cookie: 'a=b' } })
    expect([path, crossing(response)]).toEqual([path, PASSED])
    expect(response.headers.get('access-control-expose-headers')).toContain('stream-next-offset')
    await response.body?.cancel()
  }
  const theirs = await fetch(server.url('/streams/s'), { headers: { origin: EVIL } })
  expect(crossing(theirs)).toEqual(NOT_PASSED)
  const own = await fetch(server.url('/own'), { headers: { origin: 'https://one.preview.example.com' } })
  expect(crossing(own)).toEqual({
    ...PASSED,
    origin: 'https://one.preview.example.com',
    vary: 'Origin, accept',
  })
})

it('a page of a listed origin is given leave to post JSON, and posts it', async () => {
  await using server = await serveStreams(LISTED)
  const leave = await fetch(server.url('/streams'), {
    method: 'OPTIONS',
    headers: {
      origin: APP,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'content-type',
    },
  })
  expect(leave.status).toBe(204)
  expect(Object.fromEntries(leave.headers)).toMatchObject({
    'access-control-allow-origin': APP,
    'access-control-allow-credentials': 'true',
    'access-control-allow-methods': 'POST',
    'access-control-allow-headers': 'content-type',
    'access-control-max-age': '600',
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
  })
  const post = await startFrom(server, APP)
  expect([post.status, crossing(post)]).toEqual([201, PASSED])
})

it('a page of another origin is given no leave, starts nothing, and the log says how to let it in', async () => {
  await using server = await serveStreams(LISTED)
  const asked = { origin: EVIL, 'access-control-request-method': 'DELETE' }
  const leave = await fetch(server.url('/streams/s'), { method: 'OPTIONS', headers: asked })
  expect([leave.status, crossing(leave)]).toEqual([403, NOT_PASSED])
  expect((await startFrom(server, EVIL)).status).toBe(403)
  const host = new URL(server.url('/')).host
  expect(server.log.entries.filter(({ level }) => level === 'warn').map(({ fields }) => fields)).toEqual(
    [0, 1].map(() => expect.objectContaining({ origin: EVIL, host }) as object),
  )
  expect(server.log.entries.at(-1)?.message).toContain(`--origin ${EVIL}`)
})

it('a page of a listed origin reads that its request took too long', async () => {
  await using server = await serve(
    { origins: [APP], routes: [http('/never', () => new Promise<Response>(() => {}))] },
    { httpTimeout: 0.05 },
  )
  const response = await fetch(server.url('/never'), { headers: { origin: APP, cookie: 'a=b' } })
  expect([response.status, crossing(response)]).toEqual([503, PASSED])
  expect(response.headers.get('access-control-expose-headers')).toContain('retry-after')
  expect(await response.json()).toMatchObject({ error: { code: 'response_timeout' } })
})

it('a page of a listed origin reads that nothing is served at a path, and asks for leave there', async () => {
  await using server = await serveStreams(LISTED)
  const leave = await fetch(server.url('/nowhere'), {
    method: 'OPTIONS',
    headers: { origin: APP, 'access-control-request-method': 'DELETE' },
  })
  expect([leave.status, leave.headers.get('access-control-allow-methods')]).toEqual([204, 'DELETE'])
  for (const method of ['GET', 'DELETE']) {
    const response = await fetch(server.url('/nowhere'), { method, headers: { origin: APP } })
    expect([response.status, crossing(response)]).toEqual([404, PASSED])
    const { error } = (await response.json()) as { error: { code: string } }
    expect(error.code).toBe('route_not_found')
  }
  const theirs = await fetch(server.url('/nowhere'), { headers: { origin: EVIL } })
  expect([theirs.status, crossing(theirs)]).toEqual([404, NOT_PASSED])
  expect(server.log.entries).toEqual([])
})

it.each([
  ['two Host headers', 'host: localhost\r\nhost: localhost', 400, APP],
  ['a host that is none', 'host: a b', 400, APP],
  ['a host that is refused', 'host: evil.example', 421, undefined],
])('a page of a listed origin reads of a request with %s: %s', async (_what, host, status, origin) => {
  await using server = await serveStreams(LISTED)
  await using client = await server.raw()
  client.write(`GET /own HTTP/1.1\r\n${host}\r\norigin: ${APP}\r\n\r\n`)
  const response = await client.response()
  expect(response).toMatchObject({ status })
  expect(response.headers['access-control-allow-origin']).toBe(origin)
  client.write(`GET /own HTTP/1.1\r\n${host}\r\norigin: ${EVIL}\r\n\r\n`)
  expect((await client.response()).headers['access-control-allow-origin']).toBeUndefined()
})

it('the list of the command line holds over HTTP as well', async () => {
  const streams = streaming({ store: memory() })
  const routes = [httpStreams('/streams', { ...streams.services, start: () => ({ id: 's' }) })]
  await using server = await serve({ streams, routes }, { origins: [APP] })
  expect((await startFrom(server, APP)).status).toBe(201)
  expect((await startFrom(server, EVIL)).status).toBe(403)
})

it('the list of httpStreams replaces that of the application', async () => {
  await using server = await serveStreams({ ...LISTED, routed: { origins: ['https://other.example'] } })
  expect((await startFrom(server, APP)).status).toBe(403)
  expect((await startFrom(server, 'https://other.example')).status).toBe(201)
})

it("where '*' alone lets a page in, it comes without the visitor's cookies and password", async () => {
  await using server = await serveStreams({ origins: '*' })
  const anonymous = await startFrom(server, EVIL)
  expect([anonymous.status, crossing(anonymous)]).toEqual([201, { ...PASSED, origin: EVIL }])
  // A browser sends a password that it was told once by itself, and no token.
  for (const sent of [{ cookie: 'session=1' }, { authorization: 'Basic YWRhOnB3' }]) {
    expect((await startFrom(server, EVIL, sent)).status).toBe(403)
    const read = await fetch(server.url('/streams/s'), { headers: { origin: EVIL, ...sent } })
    expect([read.status, crossing(read)]).toEqual([200, NOT_PASSED])
  }
  expect((await startFrom(server, EVIL, { authorization: 'Bearer token' })).status).toBe(201)
})

it('a handler that answers pages of other origins itself does so alone', async () => {
  const own = { 'access-control-allow-origin': '*', 'access-control-max-age': '5' }
  await using server = await serve({
    ...LISTED,
    routes: [http('/', () => new Response('', { headers: own }))],
  })
  const response = await fetch(server.url('/'), { headers: { origin: APP } })
  expect(crossing(response)).toMatchObject({ origin: '*', credentials: null })
})

it('without a list nothing is added, and preflights reach the handler', async () => {
  const hono = new Hono().options('/', (context) => context.text('mine'))
  await using server = await serve({ routes: [http('/', hono)] })
  const asked = { origin: APP, 'access-control-request-method': 'PUT' }
  const response = await fetch(server.url('/'), { method: 'OPTIONS', headers: asked })
  expect([await response.text(), crossing(response)]).toEqual([
    'mine',
    { origin: null, credentials: null, vary: null },
  ])
})

it('answers without a socket say the same', async () => {
  const streams = streaming({ store: memory() })
  const app = millrace({
    ...LISTED,
    routes: [httpStreams('/streams', streams.services)],
    logger: silentLogger,
  })
  const response = await app.fetch(new Request('http://here/streams/none', { headers: { origin: APP } }))
  expect([response.status, crossing(response)]).toEqual([404, PASSED])
  await streams.close()
})

it('a malformed origin of an http route is refused when the route is written', () => {
  expect(() => http('/', () => new Response(), { origins: ['app.example'] })).toThrow(
    'http(/): "app.example" is not an origin',
  )
})

function startFrom(
  server: TestServer,
  origin: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(server.url('/streams'), {
    method: 'POST',
    body: '{"input":1}',
    headers: { origin, 'content-type': 'application/json', ...headers },
  })
}
