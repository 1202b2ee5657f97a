import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { request as secureRequest } from 'node:https'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { json, text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import {
  type CommandLine,
  type RunOptions,
  folderWith,
  millrace,
  serve,
  startMillrace,
} from './command-line.ts'

// Each test starts several processes, which take their time on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const fixture = (name: string): string => join(import.meta.dirname, 'fixtures', name)

/** Says which process answers, ends its process when asked to, and never lets go of a socket at /stuck/. */
const APP = `import { http, millrace, websocket, WebSocketConsumer } from 'millrace'

/** Of the application itself: what a handler throws later ends nothing. */
let isToThrow = false
setInterval(() => {
  if (isToThrow) throw new Error('from a callback')
}, 20).unref()

class Stuck extends WebSocketConsumer {
  override disconnect() {
    return new Promise<void>(() => {})
  }
}

export default millrace({
  routes: [
    http('/', () => Response.json({ version: 1, pid: process.pid, worker: process.env['MILLRACE_WORKER'] })),
    http('/exit', () => process.exit(3)),
    http('/throw', () => {
      isToThrow = true
      return new Response('thrown')
    }),
    websocket('/ws/', WebSocketConsumer),
    websocket('/stuck/', Stuck),
  ],
})
`

interface Answer {
  readonly version: number
  readonly pid: number
  readonly worker: string
}

/** A connection for each request, so that workers take turns. One that was on its way to a worker as it was killed is never answered. */
async function ask<T = Answer>(url: string, path = '/'): Promise<T> {
  const asked = request(url + path, { agent: false, signal: AbortSignal.timeout(10_000) }).end()
  const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream]
  return (await json(response)) as T
}

/** Asks until every worker has answered; by its number. */
async function askAll(url: string, count: number): Promise<Map<string, Answer>> {
  const answers = new Map<string, Answer>()
  while (answers.size < count) {
    const answer = await ask(url)
    answers.set(answer.worker, answer)
  }
  return answers
}

async function appFolder(app = APP): Promise<string> {
  return await folderWith({ 'app.ts': app })
}

async function serveWith(
  count: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<CommandLine & { url: string; folder: string }> {
  const folder = options.folder ?? (await appFolder())
  const running = await serve(['app.ts', '--workers', count, ...args], { ...options, folder })
  return Object.assign(running, { folder })
}

/** Resolves when no process has this id any more. */
async function gone(pid: number): Promise<void> {
  await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow('ESRCH'), { timeout: 60_000 })
}

describe('millrace serve --workers', () => {
  test('serves with several processes on one port, each with its number, and says so once', async () => {
    const running = await serveWith('3', ['--access-log'])
    const { url, child } = running
    expect(running.stdout).toMatch(/is serving app\.ts with 3 workers on http:/)
    const answers = await askAll(url, 3)
    expect([...answers.keys()].toSorted()).toEqual(['1', '2', '3'])
    const pids = new Set([...answers.values()].map(({ pid }) => pid))
    expect(pids.size).toBe(3)
    expect(pids).not.toContain(child.pid)

    const number = expect.any(Number) as number
    expect(await ask<object>(url, '/readyz')).toEqual({ status: 'ready', worker: number })
    expect(await ask<object>(url, '/healthz')).toEqual({ status: 'ok', worker: number })
    await running.printed(/"worker":3,.*"path":"\/".*"msg":"request"/)

    running.kill('SIGTERM')
    const { stdout } = await running.ended
    const said = stdout.split('\n').filter((line) => /is serving|channel layer is inside/.test(line))
    expect(said).toHaveLength(2)
    expect(said[1]).toMatch(/groups, channels and sign-outs do not reach the others.*--channel-layer redis:/)
  })

  test('starts another worker for one that died', async () => {
    const running = await serveWith('2')
    const before = await askAll(running.url, 2)
    const killed = before.get('2') as Answer
    process.kill(killed.pid, 'SIGKILL')
    await running.printed(new RegExp(`worker 2 \\(${killed.pid}\\) died: signal SIGKILL; starting another`))
    await vi.waitFor(async () => expect((await askAll(running.url, 2)).get('2')?.pid).not.toBe(killed.pid), {
      timeout: 60_000,
    })
    expect((await ask(running.url)).version).toBe(1)
  })

  test('keeps a free port that it took, though all workers die at once', async () => {
    const running = await serveWith('2')
    const before = await askAll(running.url, 2)
    for (const { pid } of before.values()) process.kill(pid, 'SIGKILL')
    await vi.waitFor(async () => expect((await ask(running.url)).version).toBe(1), { timeout: 60_000 })
  })

  test('replaces a worker that shuts itself down, for an exception or a signal', async () => {
    const running = await serveWith('2')
    await text((await fetch(`${running.url}/throw`)).body as never)
    await running.printed(/"err":.*from a callback.*uncaught exception: shutting down/)
    await running.printed(/worker \d \(\d+\) shuts down by itself; starting another/)
    expect((await askAll(running.url, 2)).size).toBe(2)
  })

  test('behind a unix socket', async () => {
    const folder = await appFolder()
    const options = { folder }
    const running = startMillrace(['serve', 'app.ts', '--workers', '2', '-u', 'app.sock'], options)
    await running.printed(/ is serving app\.ts with 2 workers on unix:app\.sock/)
    const asked = request({ socketPath: join(folder, 'app.sock'), path: '/', agent: false }).end()
    const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream]
    expect(await json(response)).toMatchObject({ version: 1 })
    running.kill('SIGTERM')
    expect((await running.ended).code).toBe(0)
  })

  test('over TLS', async () => {
    const tls = ['--tls-cert', fixture('localhost.cert.pem'), '--tls-key', fixture('localhost.key.pem')]
    const running = await serveWith('2', tls)
    const ca = readFileSync(fixture('localhost.cert.pem'))
    const asked = secureRequest(running.url, { ca, servername: 'localhost', agent: false }).end()
    const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream]
    expect(await json(response)).toMatchObject({ version: 1 })
  })

  test('on an inherited descriptor', async () => {
    const listening = createServer().listen(0, '127.0.0.1')
    await once(listening, 'listening')
    const { port } = listening.address() as { port: number }
    const { fd } = (listening as unknown as { _handle: { fd: number } })._handle
    const folder = await appFolder()
    const args = ['serve', 'app.ts', '--fd', '3', '--workers', '2']
    const running = startMillrace(args, { folder, descriptors: [fd] })
    await running.printed(new RegExp(` is serving app\\.ts with 2 workers on http://127\\.0\\.0\\.1:${port}`))
    listening.close()
    expect(await ask(`http://127.0.0.1:${port}`)).toMatchObject({ version: 1 })
  })

  test('without a file serves the demo, which keeps streams in a file of the folder', async () => {
    const folder = await folderWith({})
    const options = { folder, environment: { MILLRACE_STORE: '', MILLRACE_WORKERS: '2' } }
    const running = await serve([], options)
    expect(running.stdout).toMatch(/is serving its demo with 2 workers/)
    await running.printed(/Streams are kept in \.millrace\/streams\.db, and survive a loss of power\./)
    expect(running.stdout).not.toContain('channel layer')
  })
})

describe('workers that are told to stop', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'close their sockets, and the server exits with 0 (%s)',
    async (signal) => {
      const running = await serveWith('2')
      const sockets = await Promise.all(
        [0, 1, 2, 3].map(async () => {
          const socket = new WebSocket(`${running.url.replace('http', 'ws')}/ws/`)
          onTestFinished(() => socket.terminate())
          await once(socket, 'open')
          return socket
        }),
      )
      const codes = sockets.map(async (socket) => ((await once(socket, 'close')) as [number])[0])
      // As a terminal does: to every process of the group.
      process.kill(-(running.child.pid as number), signal)
      expect(await Promise.all(codes)).toEqual([1012, 1012, 1012, 1012])
      const { code, stdout } = await running.ended
      expect(code).toBe(0)
      expect(stdout.match(/Shutting down/g)).toHaveLength(1)
      expect(stdout).not.toContain('died')
    },
  )

  test('are ended at once by a second signal', async () => {
    const running = await serveWith('2', ['--application-close-timeout', '600'])
    const pids = [...(await askAll(running.url, 2)).values()].map(({ pid }) => pid)
    const socket = new WebSocket(`${running.url.replace('http', 'ws')}/stuck/`)
    onTestFinished(() => socket.terminate())
    await once(socket, 'open')
    const timer = setInterval(() => running.kill('SIGTERM'), 100)
    expect((await running.ended).code).toBe(143)
    clearInterval(timer)
    await Promise.all(pids.map(gone))
  })

  test('end in order when the process that started them is killed', async () => {
    const running = await serveWith('2')
    const pids = [...(await askAll(running.url, 2)).values()].map(({ pid }) => pid)
    const socket = new WebSocket(`${running.url.replace('http', 'ws')}/ws/`)
    onTestFinished(() => socket.terminate())
    await once(socket, 'open')
    running.kill('SIGKILL')
    expect(((await once(socket, 'close')) as [number])[0]).toBe(1012)
    await Promise.all(pids.map(gone))
  })

  test('while they start end with the server', async () => {
    const folder = await appFolder(
      'console.log("loading")\nsetInterval(() => {}, 1000)\nawait new Promise(() => {})',
    )
    const running = startMillrace(['serve', 'app.ts', '--workers', '2'], { folder })
    await running.printed(/loading/)
    running.kill('SIGTERM')
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' })
  })
})

describe('a rolling restart', () => {
  test('has every worker load the application anew, and refuses no connection meanwhile', async () => {
    const running = await serveWith('2')
    const before = await askAll(running.url, 2)
    await writeFile(join(running.folder, 'app.ts'), APP.replace('version: 1', 'version: 2'))
    running.kill('SIGHUP')
    const askOn = async (): Promise<void> => {
      while (!running.stdout.includes('Replaced all 2 workers')) await ask(running.url)
    }
    await Promise.all(Array.from({ length: 8 }, askOn))
    for (const [number, { version, pid }] of await askAll(running.url, 2)) {
      expect(version).toBe(2)
      expect(pid).not.toBe(before.get(number)?.pid)
    }
  })

  test('leaves the old ones when the new version does not come up', async () => {
    const running = await serveWith('2')
    const before = await askAll(running.url, 2)
    await writeFile(join(running.folder, 'app.ts'), '\nthrow new Error("broken")')
    running.kill('SIGHUP')
    await running.printed(/worker 1 was not replaced: app\.ts:2: broken; those that serve go on as they are/)
    expect(await askAll(running.url, 2)).toEqual(before)
    await writeFile(join(running.folder, 'app.ts'), APP.replace('version: 1', 'version: 2'))
    running.kill('SIGUSR2')
    await running.printed(/Replaced all 2 workers/)
    expect((await ask(running.url)).version).toBe(2)
  })

  test('waits for the application’s own readiness check', async () => {
    const ready = `import { existsSync } from 'node:fs'\n${APP.replace('routes: [', "ready: () => existsSync('ready'),\n  routes: [")}`
    const folder = await appFolder(ready)
    const running = await serveWith('1', [], { folder })
    running.kill('SIGHUP')
    await vi.waitFor(
      async () => expect(new Set([(await ask(running.url)).pid, (await ask(running.url)).pid]).size).toBe(2),
      {
        timeout: 60_000,
      },
    )
    expect(running.stdout).not.toContain('takes over')
    await writeFile(join(folder, 'ready'), '')
    await running.printed(/Replaced the worker/)
  })
})

describe('workers that do not come up are one line', () => {
  test('and exit code 1, for a file that cannot be served', async () => {
    const folder = await appFolder('\nthrow new Error("no database")')
    const outcome = await millrace(['serve', 'app.ts', '--workers', '4'], { folder })
    expect(outcome).toEqual({ code: 1, stdout: '', stderr: 'millrace: app.ts:2: no database\n' })
  })

  test('and exit code 1, for a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    const { port } = taken.address() as { port: number }
    const { code, stdout, stderr } = await millrace(
      ['serve', '--workers', '2', '-p', String(port), '--store', 'x.db'],
      {
        folder: await folderWith({}),
      },
    )
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toBe(
      `millrace: 127.0.0.1:${port} is already in use by another process; choose another port with --port, or 0 for any that is free\n`,
    )
  })

  test('and exit code 1, for an application that ends its process', async () => {
    const folder = await appFolder('process.exit(7)')
    const { code, stderr } = await millrace(['serve', 'app.ts', '--workers', '2'], { folder })
    expect(code).toBe(1)
    expect(stderr).toBe(
      'millrace: 5 workers in a row did not come up; of the last, it ended with exit code 7 before it was ready\n',
    )
  })

  test('and exit code 1, for an application whose streams they would not share', async () => {
    const folder = await appFolder(
      `import { millrace, memory, streaming } from 'millrace'
export default millrace({ streams: streaming({ store: memory() }) })`,
    )
    const { code, stderr } = await millrace(['serve', 'app.ts', '--workers', '2', '-p', '0'], { folder })
    expect(code).toBe(1)
    expect(stderr).toBe(
      'millrace: app.ts keeps its streams in memory: 2 workers do not share a store in memory: --store takes a file, which they do, or redis://…\n',
    )
  })

  test.each<[readonly string[], string]>([
    [
      ['--workers', '4', '--store', 'memory:'],
      '4 workers do not share a store in memory: --store takes a file, which they do, or redis://…',
    ],
    [
      ['app.ts', '--workers', '2', '--watch'],
      '--watch and --workers exclude each other: watch with one process, and have workers replaced with SIGHUP',
    ],
    [['--workers', '0'], '--workers is "0"; it takes auto for one a core, or a whole number from 1 to 1024'],
    [
      ['--workers', 'many'],
      '--workers is "many"; it takes auto for one a core, or a whole number from 1 to 1024',
    ],
  ])('and exit code 2: serve %j', async (args, line) => {
    const outcome = await millrace(['serve', ...args])
    expect(outcome).toEqual({ code: 2, stdout: '', stderr: `millrace: ${line}\n` })
  })
})
