/** The client in a real browser: through a restart of the server, without a network, without WebSockets. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Route, http, sqlite } from '../../src/index.ts'
import { bundle } from '../client/bundle.ts'
import { numbers } from '../client/fakes.ts'
import { type StreamsServer, startStreams } from '../client/streams-server.ts'
import { launchBrowser } from '../support/browser.ts'
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts'
import { describeWith } from '../support/services.ts'

/** What the page's script leaves where the test finds it. */
interface Reading {
  readonly seen: readonly number[]
  readonly status: string
  readonly connection: string
}

const PAGE = `<!doctype html><title>Streams</title><script type="module">
  import { connect } from './client.js'
  window.read = (path, id) => {
    const client = connect(path)
    const stream = client.stream(id)
    const seen = []
    window.reading = () => ({ seen, status: stream.status, connection: client.state })
    void (async () => {
      for await (const record of stream) seen.push(record)
    })()
  }
</script>`

describeWith(['chromium'], 'the client in Chromium', ({ chromium }) => {
  let browser: Browser
  let routes: Route[]
  let folder: string
  let server: StreamsServer
  let proxy: CuttingProxy
  let context: BrowserContext
  let page: Page

  beforeAll(async () => {
    browser = await launchBrowser(chromium)
    const client = await bundle('src/client/index.ts')
    const file = (body: string, type: string) => () =>
      new Response(body, { headers: { 'content-type': type } })
    routes = [http('/', file(PAGE, 'text/html')), http('/client.js', file(client, 'text/javascript'))]
  })

  afterAll(() => browser.close())

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-client-'))
    server = await startStreams(sqlite(join(folder, 'streams.db')), {}, routes)
    proxy = await startCuttingProxy(server.port)
    context = await browser.newContext()
    page = await context.newPage()
    await page.goto(`http://127.0.0.1:${proxy.port}/`)
  })

  afterEach(async () => {
    await context.close()
    await proxy.close()
    await server[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const read = (path: string, id: string) => page.evaluate(`window.read('${path}', '${id}')`)
  const reading = () => page.evaluate<Reading>('window.reading()')
  const expectSeen = (to: number) =>
    expect.poll(async () => (await reading()).seen, { timeout: 20_000 }).toEqual(numbers(0, to))

  test('it follows a stream through a restart of the server, and a time without a network', async () => {
    await server.append('s', ...numbers(0, 3))
    await read('/ws', 's')
    await expectSeen(3)

    await server[Symbol.asyncDispose]()
    server = await startStreams(sqlite(join(folder, 'streams.db')), { port: server.port }, routes)
    await server.append('s', ...numbers(3, 6))
    await expectSeen(6)

    await context.setOffline(true)
    cutAll(proxy)
    await expect.poll(async () => (await reading()).connection).toBe('reconnecting')
    await server.append('s', ...numbers(6, 9))
    expect((await reading()).seen).toEqual(numbers(0, 6))
    await context.setOffline(false)
    await expectSeen(9)

    await server.store.append('s', { close: true })
    await expect.poll(async () => (await reading()).status).toBe('closed')
    expect(await reading()).toMatchObject({ seen: numbers(0, 9), connection: 'connected' })
  })

  test('it falls back to server-sent events where no WebSocket gets through, and comes back over them', async () => {
    await server.append('s', ...numbers(0, 3))
    await read('/no-websocket-here', 's')
    await expectSeen(3)
    cutAll(proxy)
    await server.append('s', ...numbers(3, 6))
    await server.store.append('s', { close: true })
    await expectSeen(6)
    await expect.poll(async () => (await reading()).status).toBe('closed')
  })
})

function cutAll(proxy: CuttingProxy): void {
  for (const index of numbers(0, proxy.connections)) proxy.cut(index)
}
