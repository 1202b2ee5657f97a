/** What `millrace({ store, runs })` serves, wherever an application stands: in servers of others, below a root path. */
import { serve as serveHono } from '@hono/node-server'
import express from 'express'
import { Hono } from 'hono'
import { once } from 'node:events'
import { type Server, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { type App, memory, millrace, run, silentLogger } from '../../src/index.ts'
import { connect } from '../../src/client/index.ts'
import { folderWith, serve } from '../cli/command-line.ts'

const answer = run({
  input: z.object({ prompt: z.string() }),
  async *run({ prompt }) {
    yield* prompt.split(' ')
  },
})
type Runs = { answer: typeof answer }

function made(): App<Runs> {
  const app: App<Runs> = millrace({
    store: memory(),
    runs: { answer },
    logger: silentLogger,
    shutdownGrace: 0,
  })
  onTestFinished(() => app.close())
  return app
}

/** Its address, once it listens. */
async function addressOf(server: Server): Promise<string> {
  if (!server.listening) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Starts a run and reads it to its end, over the WebSocket and over HTTP. */
async function expectMount(url: string, root = ''): Promise<void> {
  const client = connect<App<Runs>>(url, { path: `${root}/millrace`, http: false })
  onTestFinished(() => client.close())
  const pieces: string[] = []
  for await (const piece of await client.runs.answer.start({ prompt: 'one two' })) pieces.push(piece)
  expect(pieces).toEqual(['one', 'two'])
  const streams = `${url}${root}/millrace/streams`
  const asked = JSON.stringify({ kind: 'answer', input: { prompt: 'one two' } })
  const { stream } = JSON.parse(await ask(streams, asked)) as { stream: string }
  const page = await ask(`${streams}/${stream}?offset=-1&live=sse`)
  expect(page).toMatch(/"one"[\s\S]*"two"[\s\S]*completed/)
}

/** Over a connection of its own, so that workers take turns. */
async function ask(url: string, body?: string): Promise<string> {
  const headers = { 'content-type': 'application/json' }
  const asked = request(url, { agent: false, headers, method: body === undefined ? 'GET' : 'POST' })
  asked.end(body)
  const [response] = (await once(asked, 'response')) as [NodeJS.ReadableStream]
  return await text(response)
}

it('is served beside the routes of Express, whose parsers may come first', async () => {
  const web = express()
  const server = createServer(web)
  const { handle } = made().attach(server)
  web.use(express.json(), handle)
  web.get('/', (_request, response) => void response.send('Express'))
  const url = await addressOf(server)
  await expectMount(url)
  expect(await (await fetch(url)).text()).toBe('Express')
})

it('is served beside the routes of Hono, on the server that Hono made', async () => {
  const app = made()
  const web = new Hono()
  web.all('/millrace/*', (context) => app.fetch(context.req.raw))
  web.get('/', (context) => context.text('Hono'))
  const server = serveHono({ fetch: web.fetch, port: 0, hostname: '127.0.0.1' }) as Server
  await once(server, 'listening')
  app.attach(server)
  const url = await addressOf(server)
  await expectMount(url)
  expect(await (await fetch(url)).text()).toBe('Hono')
})

it('is served on a server that gives each request to a hook first, as Fastify does', async () => {
  const app = made()
  const server = createServer()
  const { handle } = app.attach(server)
  server.on('request', (incoming, outgoing) => {
    setImmediate(() => handle(incoming, outgoing, () => void outgoing.writeHead(404).end('not here')))
  })
  const url = await addressOf(server)
  await expectMount(url)
  const nowhere = await fetch(url)
  expect([nowhere.status, await nowhere.text()]).toEqual([404, 'not here'])
})

it('is served below a root path, on its own server and on one of others', async () => {
  const running = await made().listen({ port: 0, rootPath: '/app' })
  await expectMount(running.url, '/app')
  const server = createServer()
  server.on('request', made().attach(server, { rootPath: '/app' }).handle)
  await expectMount(await addressOf(server), '/app')
})

it('is served by two workers, each with the runs of both', async () => {
  const folder = await folderWith({
    'app.ts': `import { millrace, run, sqlite } from 'millrace'
const answer = run({
  async *run(input) {
    yield* input.prompt.split(' ')
  },
})
export default millrace({ store: sqlite('./data.db'), runs: { answer } })
`,
  })
  const { url } = await serve(['app.ts', '--workers', '2'], { folder })
  for (let turn = 0; turn < 4; turn++) await expectMount(url)
})
