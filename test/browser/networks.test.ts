/** The client on the networks that browsers are really on, and with what a server refuses. */
import type { Socket } from 'node:net'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  type Json,
  type Route,
  bearerToken,
  http,
  httpStreams,
  memory,
  streamSocket,
  streaming,
  unauthenticated,
} from '../../src/index.ts'
import { bundle } from '../client/bundle.ts'
import { numbers } from '../client/fakes.ts'
import { type StreamsServer, startStreams } from '../client/streams-server.ts'
import { launchBrowser } from '../support/browser.ts'
import { startBufferingProxy } from '../support/buffering-proxy.ts'
import { serve } from '../support/server.ts'
import { describeWith } from '../support/services.ts'

/** What the page's script leaves where the test finds it. */
interface Reading {
  readonly count: number
  readonly seen: readonly Json[]
  readonly status: string
  readonly error?: string
  readonly connection: string
  readonly why?: string
}

const PAGE = `<!doctype html><title>Streams</title><link rel="icon" href="data:,"><script type="module">
  import { connect } from './client.js'
  window.open = (path, options) => {
    window.client = connect(path, options)
  }
  window.read = (id) => {
    const stream = client.stream(id)
    const seen = []
    window.reading = () => ({
      count: seen.length, seen: seen.slice(0, 100),
      status: stream.status, error: stream.error?.message,
      connection: client.state, why: client.error?.code,
    })
    void (async () => {
      for await (const record of stream) seen.push(record)
    })().catch(() => {})
  }
</script>`

/** No WebSocket is served there, so that streams go over HTTP. */
const NO_WEBSOCKET = '/no-websocket-here'

describeWith(['chromium'], 'the client in Chromium', ({ chromium }) => {
  let browser: Browser
  let routes: Route[]
  let server: StreamsServer
  let context: BrowserContext

  beforeAll(async () => {
    browser = await launchBrowser(chromium)
    const client = await bundle('src/client/index.ts')
    const file = (body: string, type: string) => () =>
      new Response(body, { headers: { 'content-type': type } })
    routes = [http('/', file(PAGE, 'text/html')), http('/client.js', file(client, 'text/javascript'))]
  })

  afterAll(() => browser.close())

  beforeEach(async () => {
    server = await startStreams(memory(), {}, routes)
    context = await browser.newContext()
  })

  afterEach(async () => {
    await context.close()
    await server[Symbol.asyncDispose]()
  })

  async function tab(path: string, options = '{}', url = `http://127.0.0.1:${server.port}`): Promise<Page> {
    const page = await context.newPage()
    await page.goto(url)
    await page.evaluate(`window.open('${path}', ${options})`)
    return page
  }

  const read = (page: Page, id: string) => page.evaluate(`window.read('${id}')`)
  const reading = (page: Page) => page.evaluate<Reading>('window.reading()')
  const expectReading = (page: Page, what: Partial<Reading>) =>
    expect.poll(() => reading(page), { timeout: 20_000 }).toMatchObject(what)
  const stop = (page: Page, id: string) => page.evaluate(`client.stop('${id}')`)

  test('a Stop gets through while six tabs follow their streams over HTTP', async () => {
    const pages = await Promise.all(numbers(0, 6).map(() => tab(NO_WEBSOCKET)))
    const [first] = pages as [Page]
    await first.evaluate(`client.start('word', { id: 'run' }).then((stream) => stream.close())`)
    for (const page of pages) await read(page, 'run')
    for (const page of pages) await expectReading(page, { status: 'running', connection: 'connected' })
    expect(await stop(first, 'run')).toBe('stopped')
    for (const page of pages) await expectReading(page, { status: 'stopped' })
    const counts = await Promise.all(pages.map(async (page) => (await reading(page)).count))
    expect(new Set(counts).size).toBe(1)
  })

  test('a tab without a connection of its own is given one to stop what six others follow', async () => {
    const last = await tab(NO_WEBSOCKET)
    await last.evaluate(`client.start('word', { id: 'run' }).then((stream) => stream.close())`)
    const pages = await Promise.all(numbers(0, 6).map(() => tab(NO_WEBSOCKET)))
    for (const page of pages) await read(page, 'run')
    for (const page of pages) await expectReading(page, { status: 'running', connection: 'connected' })
    expect(await stop(last, 'run')).toBe('stopped')
    for (const page of pages) await expectReading(page, { status: 'stopped' })
  })

  test('a stream is read behind a proxy that holds event streams back and passes no WebSocket', async () => {
    await using proxy = await startBufferingProxy(server.port)
    await server.append('s', ...numbers(0, 3))
    const page = await tab('/ws', '{}', proxy.url)
    const asked: (string | null)[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).searchParams.get('live')))
    await read(page, 's')
    await expectReading(page, { seen: numbers(0, 3), connection: 'connected' })
    for (let from = 3; from < 9; from += 2) {
      await server.append('s', ...numbers(from, from + 2))
      await expectReading(page, { seen: numbers(0, from + 2), connection: 'connected' })
    }
    expect(asked).toContain('long-poll')
    expect(asked.filter((live) => live === 'sse')).toHaveLength(1)
    const started = await page.evaluate(`client.start(2).then(async (stream) => {
      const records = []
      for await (const record of stream) records.push(record)
      return { records, status: stream.status }
    })`)
    expect(started).toEqual({ records: [{ n: 0 }, { n: 1 }], status: 'completed' })
    await server.store.append('s', { close: true })
    await expectReading(page, { seen: numbers(0, 9), status: 'closed' })
  })

  test.each([
    ['a WebSocket', '/ws'],
    ['HTTP', NO_WEBSOCKET],
  ])(
    'a network that is gone is shown at once over %s, and the stream goes on when it is back',
    async (_, path) => {
      await server.append('s', ...numbers(0, 3))
      const page = await tab(path)
      await read(page, 's')
      await expectReading(page, { seen: numbers(0, 3), connection: 'connected' })
      // In the page, so that not even the way to it counts.
      await page.evaluate(
        `void (window.gone = new Promise((resolve) => client.subscribe(() => resolve(reading()))))`,
      )
      await context.setOffline(true)
      expect(await page.evaluate('window.gone')).toMatchObject({ connection: 'reconnecting', why: 'offline' })
      await context.setOffline(false)
      await server.append('s', ...numbers(3, 6))
      await expectReading(page, { seen: numbers(0, 6), connection: 'connected' })
    },
  )

  test('a wrong path is an error with what the server says', async () => {
    const page = await tab('/wrong', `{ http: '/wrong-too' }`)
    await read(page, 's')
    await expectReading(page, { status: 'error', error: 'Nothing is served at /wrong', connection: 'idle' })
  })

  test('a session that is over is one, too, and a token is refreshed before it comes to that', async () => {
    const valid = new Set(['first'])
    await using guarded = await serveGuarded(valid, routes)
    const url = guarded.url('')
    for (const path of ['/ws', NO_WEBSOCKET]) {
      const page = await tab(path, `{ token: (refused) => refused ? window.next : window.now }`, url)
      await page.evaluate(`window.now = window.next = 'first'`)
      await page.evaluate(`client.start(null, { id: 'run ${path.length}'.replace(' ', '') })`)
      await read(page, `run${path.length}`)
      await expectReading(page, { status: 'running', count: 1, connection: 'connected' })

      valid.clear()
      valid.add('second')
      await page.evaluate(`window.next = 'second'`)
      await context.setOffline(true)
      guarded.running.server.closeAllConnections()
      for (const socket of guarded.sockets) socket.destroy()
      await context.setOffline(false)
      await expect.poll(() => page.evaluate(`client.latest('none').then(() => 'let in')`)).toBe('let in')
      await expectReading(page, { status: 'running', connection: 'connected' })

      valid.clear()
      for (const socket of guarded.sockets) socket.destroy()
      await expectReading(page, { status: 'error', error: 'Your session is over.' })
      await page.close()
      valid.add('first')
    }
  })

  /** Whose token is valid is ann; what she starts says one word and waits. */
  async function serveGuarded(valid: ReadonlySet<string>, pages: readonly Route[]) {
    const streams = streaming({
      store: memory(),
      shutdownGrace: 0,
      runs: {
        any: {
          async *run(_input, { signal }) {
            yield 'word'
            await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
          },
        },
      },
    })
    const options = {
      ...streams.services,
      start: ({ input: _, ...rest }: { input: Json; id?: string; owner?: string }) =>
        streams.runs.start({ ...rest, kind: 'any' }),
      authenticate: (request: Request) => {
        if (valid.has(bearerToken(request) ?? '')) return { id: 'ann', admin: false }
        throw unauthenticated('Your session is over.')
      },
    }
    const guarded = await serve({
      streams,
      routes: [...pages, streamSocket('/ws', options), httpStreams('/streams', options)],
    })
    const sockets = new Set<Socket>()
    guarded.running.server.on('connection', (socket: Socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    })
    return Object.assign(guarded, { sockets })
  }
})
