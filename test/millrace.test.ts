/** The application that most people write: a store, runs, and nothing else. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import {
  type App,
  type MillraceOptions,
  http,
  memory,
  millrace,
  run,
  silentLogger,
  sqlite,
  streaming,
} from '../src/index.ts'
import { type TestServer, serve } from './support/server.ts'
import type { WebSocketClient } from './support/websocket-client.ts'

const answer = run({
  input: z.object({ prompt: z.string().min(1) }),
  resumable: true,
  async *run({ prompt }) {
    for (const word of prompt.split(' ')) yield word
  },
})

const NO_STORE = "not a store: write sqlite('./data.db'), memory(), or redis(url) of millrace/redis"

async function served(options: Partial<MillraceOptions> = {}): Promise<TestServer> {
  const server = await serve({ store: memory(), runs: { answer }, shutdownGrace: 0, ...options })
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server
}

function post(server: TestServer, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(server.url('/millrace/streams'), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

async function socketOf(server: TestServer, headers: Record<string, string> = {}): Promise<WebSocketClient> {
  const client = await server.connect('/millrace/socket', { subprotocols: ['millrace.v1'], headers })
  onTestFinished(() => client[Symbol.asyncDispose]())
  return client
}

/** What a start is answered with, over both ways in. */
async function startsOf(server: TestServer, asked: object): Promise<[http: unknown, socket: unknown]> {
  const response = await post(server, asked)
  const client = await socketOf(server)
  client.sendJson({ type: 'start', req: 'r', ...asked })
  return [await response.json(), await client.receiveJson()]
}

it('serves a run over HTTP, from its start to its end', async () => {
  const server = await served()
  const response = await post(server, { kind: 'answer', input: { prompt: 'one two' } })
  expect(response.status).toBe(201)
  const { stream } = (await response.json()) as { stream: string }
  const page = await fetch(server.url(`/millrace/streams/${stream}?offset=-1&live=sse`))
  expect(await page.text()).toMatch(/"one"[\s\S]*"two"[\s\S]*completed/)
})

it('serves a run over the stream socket', async () => {
  const client = await socketOf(await served())
  client.sendJson({ type: 'start', req: 'r', kind: 'answer', input: { prompt: 'one two' } })
  const { stream } = (await client.receiveJson()) as { stream: string }
  client.sendJson({ type: 'subscribe', sub: 1, stream })
  const records: unknown[] = []
  for (;;) {
    const frame = (await client.receiveJson()) as { type: string; records?: unknown[]; end?: unknown }
    records.push(...(frame.records ?? []))
    if (frame.type !== 'end') continue
    expect([records, frame.end]).toEqual([['one', 'two'], { status: 'completed' }])
    return
  }
})

it('starts a run for a program', async () => {
  const { app } = await served()
  const { info, end } = await app.runs.start({ kind: 'answer', input: { prompt: 'hello' } })
  expect(info.kind).toBe('answer')
  expect(await end).toEqual({ status: 'completed' })
})

it('tells a client what of its input does not fit, and starts nothing', async () => {
  const server = await served()
  const issues = [{ path: ['prompt'], message: 'Too small: expected string to have >=1 characters' }]
  const error = {
    code: 'invalid_input',
    message: 'The input is not valid: prompt: Too small: expected string to have >=1 characters',
    issues,
  }
  expect(await startsOf(server, { kind: 'answer', input: { prompt: '' } })).toEqual([
    { error },
    { type: 'error', req: 'r', ...error },
  ])
  expect((await server.app.runs.list()).runs).toEqual([])
})

it('answers an input that does not fit with 400, and leaves no entry in the log', async () => {
  const server = await served()
  expect((await post(server, { kind: 'answer', input: 7 })).status).toBe(400)
  expect(server.log.entries.filter(({ level }) => level !== 'info')).toEqual([])
})

it('names the kind that is nearest to one that does not exist', async () => {
  const message = 'There is no such kind of run here. Did you mean answer?'
  const [over, socket] = await startsOf(await served(), { kind: 'anwser', input: {} })
  expect(over).toEqual({ error: { code: 'unknown_kind', message } })
  expect(socket).toMatchObject({ code: 'unknown_kind', message })
})

it('asks for the kind of a start that has none', async () => {
  const [over] = await startsOf(await served(), { input: {} })
  expect(over).toMatchObject({
    error: { code: 'invalid_run', message: 'Name the kind of run to start: "answer".' },
  })
})

it('keeps one id for one kind and input', async () => {
  const other = run({ async *run() {} })
  const server = await served({ runs: { answer, other } })
  const asked = { kind: 'answer', id: 'mine', input: { prompt: 'hello' } }
  expect((await post(server, asked)).status).toBe(201)
  expect((await post(server, asked)).status).toBe(201)
  const differs = await post(server, { ...asked, kind: 'other' })
  expect([differs.status, await differs.json()]).toMatchObject([409, { error: { code: 'run_differs' } }])
})

it('takes schemas that look something up', async () => {
  const known = z.string().refine(async (name) => {
    await wait(1)
    return name === 'ada'
  }, 'Nobody has that name')
  const server = await served({
    runs: {
      greet: run({
        input: known,
        async *run(name) {
          yield name
        },
      }),
    },
  })
  expect((await post(server, { kind: 'greet', input: 'ada' })).status).toBe(201)
  expect(await (await post(server, { kind: 'greet', input: 'bob' })).json()).toMatchObject({
    error: { issues: [{ path: [], message: 'Nobody has that name' }] },
  })
})

it('tells of a hundred issues the first ten, each cut to a length', async () => {
  const input = z.array(z.string().refine(() => false, 'n'.repeat(5000)))
  const server = await served({ runs: { list: run({ input, async *run() {} }) } })
  const response = await post(server, { kind: 'list', input: Array.from({ length: 100 }, () => 'x') })
  const text = await response.text()
  expect((JSON.parse(text) as { error: { issues: unknown[] } }).error.issues).toHaveLength(10)
  expect(text.length).toBeLessThan(4096)
})

it('logs what a schema throws, and tells the client nothing of it', async () => {
  const input = z.unknown().refine(() => {
    throw new Error('password of the database')
  })
  const server = await served({ runs: { bad: run({ input, async *run() {} }) } })
  const [over, socket] = await startsOf(server, { kind: 'bad' })
  expect(over).toMatchObject({ error: { code: 'internal_error' } })
  expect(socket).toMatchObject({ code: 'internal_error' })
  expect(JSON.stringify([over, socket])).not.toContain('password')
  expect(server.log.entries.filter(({ level }) => level === 'error')).toHaveLength(2)
})

it('comes before the routes and the fetch of the application', async () => {
  const server = await served({ routes: [http('/*path', () => new Response('mine'))] })
  expect((await post(server, { kind: 'answer', input: { prompt: 'x' } })).status).toBe(201)
  expect(await (await fetch(server.url('/else'))).text()).toBe('mine')
})

it('asks the application who clients are, over both ways in', async () => {
  const authenticate = (request: Request): string | null => request.headers.get('user')
  const server = await served({ authenticate })
  expect((await post(server, { kind: 'answer', input: { prompt: 'x' } })).status).toBe(401)
  await expect(socketOf(server)).rejects.toMatchObject({ status: 401 })
  const asked = { kind: 'answer', id: 'hers', input: { prompt: 'x' } }
  expect((await post(server, asked, { user: 'ada' })).status).toBe(201)
  expect((await server.app.runs.get('hers'))?.info.owner).toBe('ada')
  const client = await socketOf(server, { user: 'bob' })
  client.sendJson({ type: 'subscribe', sub: 1, stream: 'hers' })
  expect(await client.receiveJson()).toMatchObject({ code: 'stream_not_found' })
})

it('lets pages of listed origins in, over both ways in, and no others', async () => {
  const server = await served({ origins: ['https://app.example'] })
  const asked = { kind: 'answer', input: { prompt: 'x' } }
  const theirs = { origin: 'https://app.example' }
  const others = { origin: 'https://evil.example' }
  const response = await post(server, asked, theirs)
  expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([201, theirs.origin])
  expect((await post(server, asked, others)).status).toBe(403)
  await socketOf(server, theirs)
  await expect(socketOf(server, others)).rejects.toMatchObject({ status: 403 })
})

it('asks mayStart about the kind, and holds the limits of starts', async () => {
  const kinds: (string | undefined)[] = []
  const server = await served({
    mayStart: ({ kind }) => kinds.push(kind) > 1,
    limits: { startsPerAddress: 10 },
  })
  const asked = { kind: 'answer', input: { prompt: 'x' } }
  expect((await post(server, asked)).status).toBe(403)
  expect((await post(server, asked)).status).toBe(201)
  expect(kinds).toEqual(['answer', 'answer'])
})

it.each(['/api/live', '/api/live/'])('is served at %s when told so', async (path) => {
  const server = await served({ path })
  expect((await fetch(server.url('/millrace/streams'))).status).toBe(404)
  expect((await fetch(server.url('/api/live/streams'))).status).toBe(200)
})

it('is served nowhere with path: false, and runs all the same', async () => {
  const server = await served({ path: false })
  expect((await fetch(server.url('/millrace/streams'))).status).toBe(404)
  const { end } = await server.app.runs.start({ kind: 'answer', input: { prompt: 'x' } })
  expect(await end).toEqual({ status: 'completed' })
})

it.each<[string, MillraceOptions, string]>([
  [
    'store beside streams',
    { store: memory(), streams: streaming({ store: memory() }) },
    'millrace({ store, streams }): give one of them, as streams have a store of their own',
  ],
  [
    'runs without a store',
    { runs: { answer } },
    "millrace({ runs }) needs a store: add store: sqlite('./data.db')",
  ],
  ...(
    [{ path: '/live' }, { mayStart: () => false }, { ownerOf: () => 'me' }, { retention: 60 }] as const
  ).map((options): [string, MillraceOptions, string] => {
    const [name] = Object.keys(options)
    const message = `millrace({ ${name} }) needs a store: add store: sqlite('./data.db')`
    return [`${name} without a store`, options, message]
  }),
  [
    'a rule of starts beside streams',
    { streams: streaming({ store: memory() }), mayStart: () => false },
    'millrace({ streams, mayStart }): streams have their own; write streaming({ store, mayStart })',
  ],
  ['the path of a store', { store: './data.db' as never }, `The option store is a string, ${NO_STORE}`],
  ['a store that is not made', { store: memory as never }, `The option store is a function, ${NO_STORE}`],
  [
    'origins that are one',
    { origins: 'https://app.example' as never },
    "millrace({ origins }) takes a list: ['https://app.example']",
  ],
  ...['live', '/', '/:id', '/a//b', '/a/../b', '/a?b', ''].map((path): [string, MillraceOptions, string] => [
    `the path ${path || 'that is empty'}`,
    { store: memory(), path },
    `millrace({ path }) is "${path}": give a path such as '/millrace', or false`,
  ]),
])('refuses %s in one line', (_what, options, message) => {
  expect(() => millrace(options)).toThrow(new TypeError(message))
})

it.each(['', ':memory:', undefined])('refuses %j as the path of an SQLite file', (path) => {
  expect(() => sqlite(path as string)).toThrow(
    new TypeError("sqlite() takes the path of a file, as './data.db'; memory() keeps streams in memory"),
  )
})

it('is an application of its runs', () => {
  const app: App<{ answer: typeof answer }> = millrace({ store: memory(), runs: { answer } })
  expect(app).toBeDefined()
})

it('touches no file until it is used, and refuses to listen where its file cannot be', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-app-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'data.db')
  const app = millrace({ store: sqlite(path), runs: { answer }, logger: silentLogger })
  expect(readdirSync(folder)).toEqual([])
  writeFileSync(path, 'Dear SQLite, this is not for you.'.repeat(40))
  await expect(app.listen({ port: 0 })).rejects.toMatchObject({
    code: 'store_unusable',
    message: `The stream store ${path} is not a stream store: the file holds something else`,
  })
  await app.close()
})

it('takes over what a dead process left, though it is used by fetch alone', async () => {
  const store = memory()
  const run = { startedAt: Date.now(), attempt: 1, kind: 'answer', input: { prompt: 'one two' } }
  await store.create('left', { metadata: { run }, lease: { holder: 'dead', ttlMs: 1 } })
  const app = millrace({ store, runs: { answer }, leaseTtl: 0.1, shutdownGrace: 0, logger: silentLogger })
  onTestFinished(() => app.close())
  expect((await app.fetch(new Request('http://host/millrace/streams'))).status).toBe(200)
  const left = await app.runs.get('left')
  expect(await left?.end).toEqual({ status: 'completed' })
})
