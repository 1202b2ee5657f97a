/** `useStream` in a real browser, in StrictMode. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Route, http } from '../../src/index.ts'
import { bundle } from '../client/bundle.ts'
import { numbers } from '../client/fakes.ts'
import { type StreamsServer, startStreams } from '../client/streams-server.ts'
import { complaintsOf, launchBrowser } from '../support/browser.ts'
import { describeWith } from '../support/services.ts'

interface Shown {
  readonly id: string | null
  readonly text: string
  readonly sum: number
  readonly status: string
}

const PAGE =
  '<!doctype html><title>Streams</title><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="./page.js"></script>'

describeWith(['chromium'], 'useStream in Chromium', ({ chromium }) => {
  let browser: Browser
  let routes: Route[]
  let server: StreamsServer
  let page: Page
  let complaints: string[]
  let sockets: string[]
  let sent: string[]

  beforeAll(async () => {
    browser = await launchBrowser(chromium)
    const script = await bundle('test/browser/pages/streams.ts', { mode: 'development' })
    const file = (body: string, type: string) => () =>
      new Response(body, { headers: { 'content-type': type } })
    routes = [http('/', file(PAGE, 'text/html')), http('/page.js', file(script, 'text/javascript'))]
  })

  afterAll(() => browser.close())

  beforeEach(async () => {
    server = await startStreams(undefined, {}, routes)
    await server.append('a', ...counted(0, 3))
    await server.append('b', ...counted(10, 12))
    page = await browser.newPage()
    complaints = complaintsOf(page)
    sockets = []
    sent = []
    page.on('websocket', (socket) => {
      sockets.push(socket.url())
      socket.on('framesent', ({ payload }) =>
        sent.push((JSON.parse(String(payload)) as { type: string }).type),
      )
    })
    await page.goto(`http://127.0.0.1:${server.port}/`)
  })

  afterEach(async () => {
    await page.close()
    await server[Symbol.asyncDispose]()
    expect(complaints).toEqual([])
  })

  const counted = (from: number, to: number) => numbers(from, to).map((n) => ({ n }))
  const press = (name: string, panel = '') => page.click(`${panel} button:has-text("${name}")`)
  const shown = async (panel: string) =>
    JSON.parse((await page.textContent(`#${panel} output`)) ?? '') as Shown
  const expectShown = (panel: string, what: Partial<Shown>) =>
    expect.poll(() => shown(panel), { timeout: 20_000 }).toMatchObject(what)

  test('components show one stream over one socket and one subscription, and follow it to its end', async () => {
    await expectShown('one', { id: 'a', text: '0 1 2 ', sum: 3, status: 'running' })
    await expectShown('two', { id: 'a', text: '0 1 2 ', sum: 3 })
    await server.append('a', ...counted(3, 5))
    await expectShown('one', { text: '0 1 2 3 4 ', sum: 10 })
    await server.store.append('a', { close: true })
    await expectShown('two', { text: '0 1 2 3 4 ', status: 'closed' })
    expect(sockets).toHaveLength(1)
    expect(sent.filter((type) => type !== 'ping')).toEqual(['subscribe'])
  })

  test('another id is another stream, and none is none', async () => {
    await expectShown('one', { sum: 3 })
    await press('show b')
    await expectShown('one', { id: 'b', text: '10 11 ', sum: 21 })
    await press('show none')
    await expectShown('two', { id: null, text: '', sum: 0, status: 'idle' })
    await press('show a')
    await expectShown('two', { id: 'a', text: '0 1 2 ', sum: 3 })
    expect(sockets).toHaveLength(1)
  })

  test('a run is started in one component, and stopped there', async () => {
    await press('show none')
    await press('start', '#one')
    const text = numbers(0, 1000)
      .map((n) => `${n} `)
      .join('')
    await expectShown('one', { text, sum: 499_500, status: 'completed' })
    await expectShown('two', { id: null, status: 'idle' })
    const { id } = await shown('one')
    await press('stop', '#one')
    await press('start', '#one')
    await expect.poll(async () => (await shown('one')).id).not.toBe(id)
    await expectShown('one', { status: 'completed' })
  })

  test('a run whose id the page takes up is shown on, by all components, over one subscription', async () => {
    await press('show none')
    await expectShown('two', { status: 'idle' })
    await press('open', '#one')
    await expectShown('two', { sum: 499_500, status: 'completed' })
    expect(await shown('one')).toEqual(await shown('two'))
    expect(sent.slice(sent.indexOf('start'))).toEqual(['start', 'subscribe'])
  })

  test('many records are few drawings', async () => {
    await expectShown('one', { sum: 3 })
    await press('fewer')
    await page.evaluate('notes.commits = 0; notes.arrays.clear()')
    const began = Date.now()
    for (let from = 3; from < 1000; from++) await server.append('a', { n: from })
    await expectShown('one', { sum: 499_500 })
    const frames = (Date.now() - began) / 16
    const { commits, arrays } = await page.evaluate<{ commits: number; arrays: number }>(
      '({ commits: notes.commits, arrays: notes.arrays.size })',
    )
    expect(arrays).toBeLessThanOrEqual(frames + 1)
    expect(commits).toBeLessThan(1000)
    // Two for each change: StrictMode runs effects once, and drawings follow arrays.
    expect(commits).toBeLessThanOrEqual(arrays + 2)
  })
})
