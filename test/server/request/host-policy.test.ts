/** Which hosts a server answers to, and that no page of another site makes itself one of them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { WebSocketConsumer, http, websocket } from '../../../src/index.ts'
import type { ListenOptions, MillraceOptions } from '../../../src/index.ts'
import { HostPolicy } from '../../../src/server/request/host-policy.ts'
import { RawClient } from '../../support/raw-client.ts'
import { type TestServer, serve } from '../../support/server.ts'

describe('a list of hosts', () => {
  it.each<[string, readonly string[] | undefined, boolean]>([
    ['a.example', undefined, true],
    ['localhost:8000', ['localhost'], true],
    ['LOCALHOST', ['localhost'], true],
    ['[::1]:8000', ['[::1]'], true],
    ['evil.example', ['localhost'], false],
    ['localhost.evil.example', ['localhost'], false],
    ['x.a.example:1', ['*.a.example'], true],
    ['a.example', ['*.a.example'], false],
    ['a.example', ['*'], true],
    ['', ['localhost'], false],
    ['a.example.:8000', ['a.example'], true],
    ['x.a.example.', ['*.a.example'], true],
    ['a.example', ['A.example.'], true],
    ['a.example:8000', ['a.example:9000'], true],
    ['[2001:DB8:0::1]:8000', ['2001:db8::1'], true],
    ['xn--bcher-kva.example', ['bücher.example'], true],
  ])('%s among %j is %s', (host, allowed, expected) => {
    expect(new HostPolicy(allowed).admits({ host, directHost: host })).toBe(expected)
  })
})

it.each(['http://a.example', '.a.example', 'a.*.example', '**', 'a example', 'a.example/', ''])(
  '%j among hosts is refused: no request could match it',
  async (entry) => {
    await expect(serve({}, { allowedHosts: ['a.example', entry] })).rejects.toThrow(
      `allowedHosts holds "${entry}"; it takes hosts such as app.example and *.app.example`,
    )
  },
)

it('an IPv6 address is one host, however it is written', async () => {
  await using server = await serve({ routes }, { allowedHosts: ['[::1]'] })
  for (const host of ['[::1]', '[::1]:8000', '[0:0:0:0:0:0:0:1]', '[0:0::0001]:8000'])
    expect(await statusOf(server, 'GET /', { host })).toBe(200)
})

const routes: NonNullable<MillraceOptions['routes']> = [
  websocket('/ws', WebSocketConsumer),
  http('/', () => new Response('in')),
]

async function statusOf(
  { running }: TestServer,
  line: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  await using client = await RawClient.connect({ port: running.port, host: '127.0.0.1' })
  client.request(line, headers)
  return (await client.response()).status
}

it('a server of this machine alone answers to its names alone', async () => {
  await using server = await serve({ routes })
  const { port } = server.running
  for (const host of ['localhost', `localhost:${port}`, 'app.localhost', '127.0.0.1', '[::1]'])
    expect(await statusOf(server, 'GET /ws', { host })).toBe(426)
  for (const host of ['evil.example', 'localhost.evil.example', `evil.example:${port}`])
    expect(await statusOf(server, 'GET /ws', { host })).toBe(421)
})

it.each<[string, ListenOptions]>([
  ['that believes proxies', { trustProxy: true }],
  ['that believes a list of proxies', { trustProxy: ['127.0.0.1'] }],
  [
    'that believes proxies and was told the name of its site',
    { trustProxy: true, allowedHosts: ['site.example'] },
  ],
])('a page that rebinds its name to a server %s reads and starts nothing', async (_what, listen) => {
  await using server = await serve({ routes }, listen)
  const host = `evil.example:${server.running.port}`
  for (const forwarded of [undefined, 'localhost', '127.0.0.1', 'site.example', host]) {
    const headers = { host, origin: `http://${host}`, ...(forwarded && { 'x-forwarded-host': forwarded }) }
    expect(await statusOf(server, 'GET /', headers)).toBe(421)
    expect(await statusOf(server, 'POST /', { ...headers, 'content-length': '0' })).toBe(421)
    await expect(server.connect('/ws', { headers })).rejects.toMatchObject({ status: 421 })
  }
})

it('a proxy brings the name of a site that is allowed, in either header', async () => {
  await using server = await serve({ routes }, { trustProxy: true, allowedHosts: ['site.example'] })
  expect(await statusOf(server, 'GET /', { host: 'site.example' })).toBe(200)
  for (const host of ['site.example', '127.0.0.1:8000', 'localhost'])
    expect(await statusOf(server, 'GET /', { host, 'x-forwarded-host': 'site.example' })).toBe(200)
  expect(await statusOf(server, 'GET /', { host: 'site.example', 'x-forwarded-host': 'other.example' })).toBe(
    421,
  )
})

it('a server that answers to fewer hosts than a proxy brings says so when it starts', async () => {
  await using server = await serve({ routes }, { trustProxy: true })
  expect(server.log.entries).toMatchObject([
    {
      level: 'warn',
      message: expect.stringMatching(/only the names of this machine are answered/) as string,
    },
  ])
})

it('behind a proxy, one that authenticates answers to all names, and any does that was told so', async () => {
  await using known = await serve({ routes, authenticate: () => 'ann' }, { trustProxy: ['127.0.0.1'] })
  await using open = await serve({ routes }, { trustProxy: true, allowedHosts: ['*'] })
  await using told = await serve({ routes }, { allowedHosts: ['*.example'] })
  expect(await statusOf(known, 'GET /', { host: 'a.example' })).toBe(200)
  expect(await statusOf(open, 'GET /', { host: 'a.example' })).toBe(200)
  expect(await statusOf(told, 'GET /', { host: 'a.example' })).toBe(200)
  expect(await statusOf(told, 'GET /', { host: 'localhost' })).toBe(421)
  expect([known, open].flatMap(({ log }) => log.entries)).toEqual([])
  expect(told.log.entries).toMatchObject([{ message: expect.stringContaining('--allowed-host') as string }])
})

it('a server on an inherited descriptor of this machine answers to its names alone', async () => {
  const inherited = createServer().listen(0, '127.0.0.1')
  await once(inherited, 'listening')
  const { fd } = (inherited as unknown as { _handle: { fd: number } })._handle
  const { port } = inherited.address() as { port: number }
  const code = `
    const { millrace, http, silentLogger } = await import('millrace')
    const app = millrace({ routes: [http('/', () => new Response('in'))], logger: silentLogger })
    await app.listen({ fd: 3 })
    console.log('ready')`
  const node = spawn(
    process.execPath,
    ['--conditions=millrace:source', '--input-type=module', '--eval', code],
    { stdio: ['ignore', 'pipe', 'inherit', fd] },
  )
  try {
    await once(node.stdout as NodeJS.ReadableStream, 'data')
    inherited.close()
    for (const [host, status] of [
      ['evil.example', 421],
      ['localhost', 200],
    ] as const) {
      await using client = await RawClient.connect({ port, host: '127.0.0.1' })
      client.request('GET /', { host })
      expect((await client.response()).status).toBe(status)
    }
  } finally {
    const exited = once(node, 'exit')
    node.kill('SIGKILL')
    await exited
  }
})
