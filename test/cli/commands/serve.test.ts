import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { request as secureRequest } from 'node:https'
import { createConnection, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { PACKAGE } from '../../../src/cli/package.ts'
import { installProvider } from '../../demo/models/provider-package.ts'
import { type CommandLine, folderWith, millrace, serve, startMillrace } from '../command-line.ts'

// Each test starts processes, which take their time on a busy machine.
vi.setConfig({ testTimeout: 30_000 })

const fixture = (name: string): string => join(import.meta.dirname, '../fixtures', name)

/** One route that answers, one WebSocket that tells of its end, and a handle that nobody closes. */
const APP = `import { http, millrace, websocket, WebSocketConsumer } from 'millrace'

/** Of the application itself: what a handler throws later ends nothing. */
let isToThrow = false
setInterval(() => {
  if (isToThrow) throw new Error('from a callback')
}, 20)

class Consumer extends WebSocketConsumer {
  override disconnect(code: number) {
    console.log('disconnected with ' + code)
  }
}

/** Never lets go. */
class Stuck extends WebSocketConsumer {
  override disconnect() {
    return new Promise<void>(() => {})
  }
}

const app = millrace({
  routes: [
    http('/', () => new Response('hello')),
    http('/throw', () => {
      isToThrow = true
      return new Response('thrown')
    }),
    http('/forget', () => {
      void Promise.reject(new Error('forgotten'))
      return new Response('forgotten')
    }),
    websocket('/ws/', Consumer),
    websocket('/stuck/', Stuck),
  ],
})
app.logger.debug({ headers: { authorization: 'Bearer hunter2' } }, 'made')
export default app
export const other = app
`

async function connected(url: string, options: object = {}): Promise<WebSocket> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), options)
  onTestFinished(() => socket.terminate())
  await once(socket, 'open')
  return socket
}

async function body(url: string): Promise<string> {
  return await (await fetch(url)).text()
}

function logOf({
  stdout,
}: {
  stdout: string
}): { level: number; msg: string; err?: { message: string; stack: string } }[] {
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'))
  return lines.map((line) => JSON.parse(line) as { level: number; msg: string })
}

/** Signals again and again until it ends: copies of a signal that come close together count as one. */
async function signalUntilEnded(running: CommandLine, signal: NodeJS.Signals): Promise<void> {
  const timer = setInterval(() => running.kill(signal), 100)
  await running.ended
  clearInterval(timer)
}

describe('millrace serve', () => {
  test('says what it serves and where, as lines for people', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    const running = await serve(['app.ts', '--log-format', 'pretty'], { folder })
    await running.printed(/Ctrl-C stops it/)
    expect(running.stdout.split('\n')[0]).toBe(
      `Millrace ${PACKAGE.version} is serving app.ts on ${running.url}`,
    )
    expect(await body(running.url)).toBe('hello')
  })

  test('limits what is started, in the demo and in an application, whatever that says', async () => {
    const app = `import { httpStreams, memory, millrace, streaming } from 'millrace'
const streams = streaming({ store: memory(), limits: { startsPerAddress: 50 }, runs: { none: { async *run() {} } } })
export default millrace({ streams, routes: [httpStreams('/millrace/streams', { ...streams.services, start: () => streams.runs.start({ kind: 'none' }) })] })
`
    const folder = await folderWith({ 'app.ts': app })
    const flags = ['--proxy-headers', '--max-starts-per-address', '2']
    for (const running of [await serve(['app.ts', ...flags], { folder }), await serve(flags)]) {
      const statuses: number[] = []
      for (let n = 0; n < 3; n++) {
        const headers = { 'content-type': 'application/json', 'x-forwarded-for': '203.0.113.7' }
        const init = { method: 'POST', headers, body: '{"kind":"numbers"}' }
        statuses.push((await fetch(`${running.url}/millrace/streams`, init)).status)
      }
      expect(statuses).toEqual([201, 201, 429])
    }
  })

  test('prints lines of JSON, and nothing else, where nobody reads along', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    const running = await serve(['app.ts'], { folder })
    running.kill('SIGTERM')
    const outcome = await running.ended
    expect(outcome.stdout.trim().split('\n')).toHaveLength(2)
    expect(logOf(outcome).map(({ msg }) => msg)).toEqual([
      `Millrace ${PACKAGE.version} is serving app.ts on ${running.url}`,
      'Shutting down, within 10 s. Another SIGTERM exits at once.',
    ])
  })

  test('lends its logger to the application, and keeps secrets out of it', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    const running = await serve(['app.ts', '--access-log', '-v', 'debug', '--log-format', 'pretty'], {
      folder,
    })
    await fetch(`${running.url}/?key=hunter2`, {
      headers: { authorization: 'hunter2', cookie: 'session=hunter2' },
    })
    await running.printed(/INFO: request .*"path":"\/"/)
    expect(running.stdout).toMatch(/DEBUG: made .*\[redacted\]/)
    expect(running.stdout).not.toContain('hunter2')
  })

  test('takes another export, and options from variables', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    const environment = { MILLRACE_EXPORT: 'other', MILLRACE_SERVER_NAME: 'mill', MILLRACE_PORT: '1' }
    const running = await serve(['app.ts'], { folder, environment })
    expect((await fetch(running.url)).headers.get('server')).toBe('mill')
    const nameless = await serve(['app.ts', '--no-server-name'], { folder, environment })
    expect((await fetch(nameless.url)).headers.has('server')).toBe(false)
  })

  test('lets pages of the origins connect that the command line adds', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    const running = await serve(
      ['app.ts', '--origin', 'https://a.example', '--origin', 'https://*.b.example'],
      { folder },
    )
    await connected(`${running.url}/ws/`, { origin: 'https://a.example' })
    await connected(`${running.url}/ws/`, { origin: 'https://x.b.example' })
    await expect(connected(`${running.url}/ws/`, { origin: 'https://c.example' })).rejects.toThrow('403')
  })

  test('without a file serves the demo', async () => {
    const running = await serve(['--log-format', 'pretty'])
    expect(running.stdout).toContain('is serving its demo on')
    await running.printed(new RegExp(`Its chat is on ${running.url}/chat\\n`))
    expect(await body(`${running.url}/chat`)).toContain('Chat · Millrace')
    await running.printed(/Scripted numbers answer; set OPENAI_API_KEY/)
    const socket = await connected(`${running.url}/ws/openai/`)
    socket.send('{"message":"start"}')
    const [message] = (await once(socket, 'message')) as [Buffer]
    expect(JSON.parse(message.toString())).toEqual({ message: 'Number 0' })
  })

  test('asks the model of a provider that this folder has, and says which package is missing', async () => {
    const folder = await folderWith({})
    await installProvider(folder)
    const environment = { ANTHROPIC_API_KEY: 'key', MISTRAL_API_KEY: 'key' }
    const running = await serve(['--model', 'anthropic/claude-haiku-5-5', '--log-format', 'pretty'], {
      folder,
      environment,
    })
    await running.printed(/anthropic\/claude-haiku-5-5 answers/)
    expect(JSON.parse(await body(`${running.url}/api/model`))).toMatchObject({
      name: 'anthropic/claude-haiku-5-5',
      canResume: false,
    })
    const options = { folder, environment: { ...environment, MILLRACE_MODEL: 'mistral/small' } }
    expect(await millrace(['serve', '--port', '0'], options)).toMatchObject({
      code: 1,
      stderr: 'millrace: The package @ai-sdk/mistral is not installed: npm install @ai-sdk/mistral\n',
    })
  })

  test('prints an address under --root-path that opens the demo with its assets', async () => {
    const running = await serve(['--root-path', '/app'])
    expect(running.url).toMatch(/:\d+\/app\/$/)
    const page = await body(running.url)
    const assets = [...page.matchAll(/(?:src|href)="([^"]+\.(?:js|css))"/g)].map(([, path = '']) => path)
    expect(assets.length).toBeGreaterThan(0)
    for (const path of assets) {
      const url = new URL(path, running.url)
      expect(url.pathname).toMatch(/^\/app\//)
      const asset = await fetch(url)
      expect([asset.status, asset.headers.get('content-type')]).toEqual([
        200,
        expect.stringMatching(/javascript|css/) as string,
      ])
    }
    const socket = await connected(new URL('ws/openai/', running.url).href)
    socket.send('{"message":"start"}')
    const [message] = (await once(socket, 'message')) as [Buffer]
    expect(JSON.parse(message.toString())).toEqual({ message: 'Number 0' })
  })

  test('ends a connection that was idle for --keep-alive-timeout', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    const running = await serve(['app.ts', '--keep-alive-timeout', '0.2'], { folder })
    const { port } = new URL(running.url)
    const socket = createConnection(Number(port), '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
    // It ends by itself; without the option it would stay for longer than a test.
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 [^]*keep-alive[^]*hello/i)
  })

  test('says that it has no workers to replace on SIGHUP, and goes on', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    const running = await serve(['app.ts'], { folder })
    running.kill('SIGHUP')
    await running.printed(/SIGHUP replaces workers, and this server has none/)
    expect((await fetch(running.url)).ok).toBe(true)
  })

  test('restarts when a file changes, with --watch', async () => {
    const app = (answer: string): string => `import { http, millrace } from 'millrace'
import './beside.ts'
export default millrace({ routes: [http('/', () => new Response('${answer}'))] })`
    const folder = await folderWith({ 'app.ts': app('first'), 'beside.ts': '' })
    const running = await serve(['app.ts', '--watch'], { folder })
    expect(await body(running.url)).toBe('first')

    // As editors save: a new file takes the place of the old one.
    const save = async (name: string, text: string): Promise<void> => {
      await writeFile(join(folder, `.${name}.new`), text)
      await rename(join(folder, `.${name}.new`), join(folder, name))
    }
    const served = async (times: number): Promise<string> => {
      const pattern = new RegExp(`(?: is serving app\\.ts on (http:[^\\s"]+)[^]*?){${times}}`)
      return (await running.printed(pattern))[1] ?? ''
    }
    await save('app.ts', app('second'))
    expect(await body(await served(2))).toBe('second')
    await save('app.ts', app('third'))
    expect(await body(await served(3))).toBe('third')
    await writeFile(join(folder, 'app.ts'), app('fourth'))
    expect(await body(await served(4))).toBe('fourth')

    await save('beside.ts', 'throw new Error("broken")')
    await running.printed(/millrace: beside\.ts:1: broken/)
    await running.printed(/Waiting for a change of its files/)
    await save('beside.ts', 'import "./late.ts"')
    await running.printed(/millrace: .*late\.ts/)
    await running.printed(/(Waiting for a change of its files[^]*){2}/)
    await writeFile(join(folder, 'late.ts'), '')
    expect(await body(await served(5))).toBe('fourth')
    running.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
  })
})

describe('a server that is told to stop', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'tells consumers and clients, and exits with 0 (%s)',
    async (signal) => {
      const folder = await folderWith({ 'app.ts': APP })
      const running = await serve(['app.ts'], { folder })
      const socket = await connected(`${running.url}/ws/`)
      running.kill(signal)
      const [code] = (await once(socket, 'close')) as [number]
      expect(code).toBe(1012)
      expect(await running.ended).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('disconnected with 1012') as string,
      })
    },
  )

  test('exits at once when told again', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    const running = await serve(['app.ts', '--application-close-timeout', '600'], { folder })
    await connected(`${running.url}/stuck/`)
    await signalUntilEnded(running, 'SIGINT')
    expect((await running.ended).code).toBe(130)
  })

  test('cuts what does not end in the time it has', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    const running = await serve(['app.ts', '--application-close-timeout', '0.1'], { folder })
    await connected(`${running.url}/stuck/`)
    running.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
  })
})

describe('what an application leaves to chance', () => {
  test('is logged and ends the server, when it is an exception', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    const running = await serve(['app.ts'], { folder })
    const socket = await connected(`${running.url}/ws/`)
    const closed = once(socket, 'close')
    await fetch(`${running.url}/throw`)
    expect((await closed)[0]).toBe(1012)
    const outcome = await running.ended
    expect(outcome.code).toBe(1)
    const line = logOf(outcome).find(({ msg }) => msg.startsWith('uncaught exception'))
    expect(line).toMatchObject({ level: 50, err: { message: 'from a callback' } })
  })

  test('is logged, when it is a promise, and the server goes on', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    const running = await serve(['app.ts'], { folder })
    await fetch(`${running.url}/forget`)
    await running.printed(/the HTTP handler of \/forget threw where nobody could catch it/)
    expect(await body(running.url)).toBe('hello')
    expect(logOf(running).find(({ err }) => err)).toMatchObject({ level: 50, err: { message: 'forgotten' } })
  })
})

describe('where a server listens', () => {
  test('over TLS', async () => {
    const tls = ['--tls-cert', fixture('localhost.cert.pem'), '--tls-key', fixture('localhost.key.pem')]
    const folder = await folderWith({ 'app.ts': APP })
    const running = await serve(['app.ts', ...tls], { folder })
    expect(running.url).toMatch(/^https:/)
    const ca = readFileSync(fixture('localhost.cert.pem'))
    const sent = secureRequest(running.url, { ca, agent: false }).end()
    const [answer] = (await once(sent, 'response')) as [NodeJS.ReadableStream]
    expect(await text(answer)).toBe('hello')
    await connected(`${running.url}/ws/`, { ca })
  })

  test('on a unix socket', async () => {
    const folder = await folderWith({ 'app.ts': APP })
    const running = startMillrace(['serve', 'app.ts', '-u', 'app.sock'], { folder })
    await running.printed(/ is serving app\.ts on unix:app\.sock/)
    const sent = request({ socketPath: join(folder, 'app.sock'), path: '/', agent: false }).end()
    const [answer] = (await once(sent, 'response')) as [NodeJS.ReadableStream]
    expect(await text(answer)).toBe('hello')
  })

  test('on a descriptor that it inherits', async () => {
    const listening = createServer().listen(0, '127.0.0.1')
    await once(listening, 'listening')
    onTestFinished(() => void listening.close())
    const { port } = listening.address() as { port: number }
    // Node gives no public way to a server's descriptor.
    const { fd } = (listening as unknown as { _handle: { fd: number } })._handle
    const folder = await folderWith({ 'app.ts': APP })
    const running = startMillrace(['serve', 'app.ts', '--fd', '3'], { folder, descriptors: [fd] })
    await running.printed(new RegExp(` is serving app\\.ts on http://127\\.0\\.0\\.1:${port}`))
    // This process holds the socket, too, but nothing here answers HTTP.
    listening.close()
    expect(await body(`http://127.0.0.1:${port}`)).toBe('hello')
  })

  test('is refused in one line, when it is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    const { port } = taken.address() as { port: number }
    const line = `millrace: 127.0.0.1:${port} is already in use by another process; choose another port with --port, or 0 for any that is free\n`
    expect(await millrace(['serve', '-p', String(port)])).toEqual({ code: 1, stdout: '', stderr: line })
  })

  test('is refused in one line, when anybody could come', async () => {
    const { code, stdout, stderr } = await millrace(['serve', '-b', '0.0.0.0', '-p', '0'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^millrace: Binding 0\.0\.0\.0 .*--allow-anonymous.*\n$/)
  })

  test.each([
    [
      'that does not exist',
      ['gone.pem', 'localhost.key.pem'],
      /--tls-cert .*gone\.pem cannot be read: it does not exist/,
    ],
    ['that is a folder', ['.', 'localhost.key.pem'], /--tls-cert .* cannot be read: it is a folder/],
    [
      'that is none',
      ['localhost.cert.pem', '../commands/serve.test.ts'],
      /--tls-key .*serve\.test\.ts is not in PEM format/,
    ],
    [
      'of another key',
      ['localhost.cert.pem', 'other.key.pem'],
      /certificate or key cannot be used: .*mismatch/,
    ],
  ])('is refused in one line, for a certificate %s', async (_what, [cert = '', key = ''], line) => {
    const tls = ['--tls-cert', fixture(cert), '--tls-key', fixture(key)]
    const { code, stdout, stderr } = await millrace(['serve', '-p', '0', ...tls])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(line)])
  })

  test('is refused in one line, for a model service that cannot be', async () => {
    const environment = { OPENAI_BASE_URL: 'ftp://hunter2', OPENAI_API_KEY: 'hunter2' }
    const { code, stdout, stderr } = await millrace(['serve', '-p', '0'], { environment })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^millrace: OPENAI_BASE_URL .*\n$/)
    expect(stderr).not.toContain('hunter2')
  })
})
