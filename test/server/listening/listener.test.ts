import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstat, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { StartError, WebSocketConsumer, http, websocket } from '../../../src/index.ts'
import { selfSignedCertificate } from '../../support/certificate.ts'
import { RawClient } from '../../support/raw-client.ts'
import { serve } from '../../support/server.ts'

const run = promisify(execFile)
const options = { routes: [http('/', () => new Response('served')), websocket('/ws', WebSocketConsumer)] }

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-listener-'))
})

afterAll(() => rm(folder, { recursive: true }))

describe('a port', () => {
  it('that is taken fails to start, in one line', async () => {
    await using first = await serve(options)
    const { port } = first.running
    const failure = await serve(options, { port }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StartError)
    expect(failure).toMatchObject({
      code: 'address_in_use',
      message: `127.0.0.1:${port} is already in use by another process`,
    })
    expect(await (await fetch(first.url('/'))).text()).toBe('served')
  })

  it('of another machine fails to start', async () => {
    const failure = { code: 'address_unavailable', message: '192.0.2.1:0 is not an address of this machine' }
    await expect(serve(options, { host: '192.0.2.1', allowAnonymous: true })).rejects.toMatchObject(failure)
  })

  it('that is none fails to start', async () => {
    await expect(serve(options, { port: 70_000 })).rejects.toMatchObject({
      name: 'StartError',
      code: 'failed',
    })
  })

  it('of 0 is a free one, and the address tells which', async () => {
    await using server = await serve(options)
    expect(server.running.url).toBe(`http://127.0.0.1:${server.running.port}`)
    await using ipv6 = await serve(options, { host: '::1' })
    expect(ipv6.running.url).toBe(`http://[::1]:${ipv6.running.port}`)
    expect((await fetch(ipv6.running.url)).status).toBe(200)
  })
})

describe('an address beyond this machine', () => {
  it.each(['0.0.0.0', '::', '192.0.2.1', 'example.com'])(
    '%s is refused to an application without authentication',
    async (host) => {
      const failure = serve(options, { host })
      await expect(failure).rejects.toMatchObject({ name: 'StartError', code: 'anonymous_refused' })
      await expect(failure).rejects.toThrow(/give it an authenticate hook, or allow anonymous access/)
    },
  )

  it.each([
    ['with authentication', { ...options, authenticate: () => 'Ann' }, {}],
    ['that may be anonymous', options, { allowAnonymous: true }],
  ])('is open to an application %s', async (_case, application, listen) => {
    await using server = await serve(application, { host: '0.0.0.0', ...listen })
    expect(server.running.url).toBe(`http://localhost:${server.running.port}`)
    expect((await fetch(`http://127.0.0.1:${server.running.port}`)).status).toBe(200)
  })

  it.each(['localhost', '127.0.0.1', '127.9.9.9'])('is not %s', async (host) => {
    await using server = await serve(options, { host })
    expect((await fetch(server.running.url)).status).toBe(200)
  })
})

describe('a unix socket', () => {
  const get = async (path: string): Promise<string> => {
    await using client = await RawClient.connect({ path })
    client.request('GET /', { host: 'any.example' })
    return (await client.response()).body
  }

  it('serves, tells its path, and is gone afterwards', async () => {
    const unixSocket = join(folder, 'fresh.sock')
    await using server = await serve(options, { unixSocket })
    expect(server.running).toMatchObject({ url: `unix:${unixSocket}`, port: 0 })
    expect(await get(unixSocket)).toBe('served')
    await server.running.close()
    await expect(lstat(unixSocket)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('that a killed process left behind is taken over', async () => {
    const unixSocket = join(folder, 'stale.sock')
    // A process that ends without closing leaves its file, as one that was killed does.
    const script = `require('node:net').createServer().listen(${JSON.stringify(unixSocket)}, () => process.kill(process.pid, 'SIGKILL'))`
    await expect(run(process.execPath, ['-e', script])).rejects.toMatchObject({ signal: 'SIGKILL' })
    expect((await lstat(unixSocket)).isSocket()).toBe(true)
    await using server = await serve(options, { unixSocket })
    expect(await get(unixSocket)).toBe('served')
    expect(server.running.url).toBe(`unix:${unixSocket}`)
  })

  it('that another process serves is left to it', async () => {
    const unixSocket = join(folder, 'taken.sock')
    await using first = await serve(options, { unixSocket })
    await expect(serve(options, { unixSocket })).rejects.toMatchObject({
      code: 'address_in_use',
      message: `${unixSocket} is already in use by another process`,
    })
    expect(await get(unixSocket)).toBe('served')
    expect(first.running.url).toBe(`unix:${unixSocket}`)
  })

  it('never takes the place of a file that is none', async () => {
    const unixSocket = join(folder, 'important.db')
    await writeFile(unixSocket, 'data')
    await expect(serve(options, { unixSocket })).rejects.toMatchObject({ code: 'address_in_use' })
    expect(await readFile(unixSocket, 'utf8')).toBe('data')
  })

  it('in a folder that does not exist fails to start', async () => {
    await expect(serve(options, { unixSocket: join(folder, 'nowhere', 'x.sock') })).rejects.toMatchObject({
      name: 'StartError',
    })
  })
})

describe('an inherited descriptor', () => {
  const SCRIPT = `
    import { http, millrace, silentLogger } from ${JSON.stringify(new URL('../../../src/index.ts', import.meta.url).href)}
    const app = millrace({ logger: silentLogger, routes: [http('/', () => new Response('served by a child'))] })
    app.listen({ fd: 3 }).then(({ url }) => console.log(url), ({ code }) => console.log(code))
  `

  /** Starts a process that inherits a socket listening on a host, and tells what it says of it. */
  async function inherit(host: string, use: (line: string, port: number) => Promise<void>): Promise<void> {
    const inherited = createServer()
    await new Promise<void>((resolve) => inherited.listen(0, host, resolve))
    const { fd } = (inherited as unknown as { _handle: { fd: number } })._handle
    const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT], {
      stdio: ['ignore', 'pipe', 'inherit', fd],
    })
    const exited = once(child, 'exit')
    try {
      const [line] = (await once(child.stdout!, 'data')) as [Buffer]
      // Two processes that listen on one socket take turns.
      const { port } = inherited.address() as AddressInfo
      inherited.close()
      await use(line.toString().trim(), port)
    } finally {
      child.kill('SIGKILL')
      await exited
    }
  }

  it('serves', async () => {
    await inherit('127.0.0.1', async (line, port) => {
      expect(line).toBe(`http://127.0.0.1:${port}`)
      expect(await (await fetch(line)).text()).toBe('served by a child')
    })
  })

  it('is refused when it listens beyond this machine', async () => {
    await inherit('0.0.0.0', async (line) => expect(line).toBe('anonymous_refused'))
  })

  it('that is none fails to start', async () => {
    await expect(serve(options, { fd: 987_654 })).rejects.toMatchObject({
      name: 'StartError',
      message: expect.stringContaining('descriptor 987654') as string,
    })
  })
})

describe('TLS', () => {
  const { cert, key } = selfSignedCertificate()

  it('serves https and wss, and says so in the scope', async () => {
    class Scheme extends WebSocketConsumer {
      override async connect(): Promise<void> {
        await this.accept()
        await this.send(this.scope.scheme)
      }
    }
    await using server = await serve({ routes: [websocket('/ws', Scheme)] }, { tls: { cert, key } })
    expect(server.running.url).toMatch(/^https:/)
    await using client = await server.connect('/ws', { ca: cert, origin: server.running.url })
    expect(await client.receive()).toBe('https')
    await server.running.close()
    expect(await client.closed).toMatchObject({ code: 1012 })
  })

  it('does not wait for a handshake that never ends', async () => {
    await using server = await serve(options, { tls: { cert, key }, handshakeTimeout: 0.1 })
    await using client = await server.raw()
    await expect(client.closed).resolves.toBeUndefined()
  })

  it('is cut in the middle of its handshake by a shutdown', async () => {
    await using server = await serve(options, { tls: { cert, key }, shutdownTimeout: 0.05 })
    const accepted = server.nextSocket()
    await using client = await server.raw()
    await accepted
    await server.running.close()
    await expect(client.closed).resolves.toBeUndefined()
  })

  it.each<[string, () => { cert?: string; key?: string }]>([
    ['a certificate that is none', () => ({ cert: 'nonsense', key })],
    ['a key that is none', () => ({ cert, key: 'nonsense' })],
    ['a certificate without its key', () => ({ cert })],
    ['nothing', () => ({})],
  ])('with %s fails to start, and shows no key', async (_case, tls) => {
    const failure = serve(options, { tls: tls() })
    await expect(failure).rejects.toMatchObject({ name: 'StartError', code: 'bad_certificate' })
    await expect(failure).rejects.not.toThrow(/BEGIN/)
  })
})

it.each<[object, string]>([
  [{ pingInterval: -1 }, 'pingInterval is -1; it takes 0 to 2147483 seconds'],
  [{ maxLifetime: Number.NaN }, 'maxLifetime is NaN'],
  [{ shutdownTimeout: 1e9 }, 'shutdownTimeout is 1000000000'],
  [{ handshakeTimeout: 0 }, 'handshakeTimeout is 0'],
  [{ requestTimeout: 4 }, 'requestTimeout is 4'],
  [{ maxConnections: 0 }, 'maxConnections is 0; it takes a whole number above 0'],
  [{ maxMessageSize: 1.5 }, 'maxMessageSize is 1.5'],
  [{ rootPath: 'app' }, 'rootPath is "app"; it must begin with a slash'],
  ...['//evil.example', '/a/../b', '/a?b', '/a b'].map((rootPath): [object, string] => [
    { rootPath },
    `rootPath is "${rootPath}"; it takes a path as in a URL, such as /app or /a%20b`,
  ]),
  [{ trustProxy: ['nonsense'] }, 'trustProxy holds "nonsense"'],
])('the option %j is refused', async (listen, message) => {
  const failure = serve(options, listen)
  await expect(failure).rejects.toThrow(RangeError)
  await expect(failure).rejects.toThrow(message)
})

it('options that are undefined have their defaults', async () => {
  await using server = await serve(options, { maxConnections: undefined, serverName: undefined } as object)
  expect((await fetch(server.url('/'))).headers.get('server')).toBe('millrace')
})

it('the Server header may be left out, or say something else', async () => {
  for (const [serverName, header] of [
    ['', null],
    ['watermill', 'watermill'],
  ] as const) {
    await using server = await serve(options, { serverName })
    expect((await fetch(server.url('/'))).headers.get('server')).toBe(header)
    await using client = await server.connect('/ws')
    expect(client.headers.server ?? null).toBe(header)
    await expect(server.connect('/nowhere')).rejects.toMatchObject({
      headers: header ? { server: header } : {},
    })
  }
})
