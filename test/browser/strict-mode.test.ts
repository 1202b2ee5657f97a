/** An effect that starts a run, and a second click, in a real browser and StrictMode. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { http, memory, run } from '../../src/index.ts'
import { bundle } from '../client/bundle.ts'
import { launchBrowser } from '../support/browser.ts'
import { type TestServer, serve } from '../support/server.ts'
import { describeWith } from '../support/services.ts'

const PAGE =
  '<!doctype html><title>Reply</title><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="./page.js"></script>'

describeWith(['chromium'], 'a page in StrictMode', ({ chromium }) => {
  let browser: Browser
  let script: string
  let server: TestServer
  let page: Page
  let generations: number
  let starts: number
  let warnings: string[]

  beforeAll(async () => {
    browser = await launchBrowser(chromium)
    script = await bundle('test/browser/pages/reply.ts', { mode: 'development' })
  })

  afterAll(() => browser.close())

  beforeEach(async () => {
    generations = starts = 0
    const answer = run({
      async *run(input) {
        generations++
        yield* ['Hel', 'lo ']
        yield input
      },
    })
    const file = (body: string, type: string) => () =>
      new Response(body, { headers: { 'content-type': type } })
    server = await serve({
      store: memory(),
      runs: { answer },
      mayStart: () => ++starts > 0,
      routes: [http('/', file(PAGE, 'text/html')), http('/page.js', file(script, 'text/javascript'))],
    })
    page = await browser.newPage()
    warnings = []
    page.on('console', (message) => {
      if (message.type() === 'warning' || message.type() === 'error') warnings.push(message.text())
    })
    page.on('pageerror', (error) => warnings.push(String(error)))
  })

  afterEach(async () => {
    await page.close()
    await server[Symbol.asyncDispose]()
  })

  const shown = async () => JSON.parse((await page.textContent('output')) ?? '') as unknown
  const expectShown = (what: object) => expect.poll(shown, { timeout: 20_000 }).toMatchObject(what)
  const done = { text: 'Hello you', count: 3, status: 'completed' }

  test('an effect that runs twice starts one run, and its text is shown', async () => {
    await page.goto(`${server.url('/')}#you`)
    await expectShown(done)
    expect([generations, starts, warnings]).toEqual([1, 1, []])
  })

  test('clicks and a reload ask for the same run', async () => {
    await page.goto(`${server.url('/')}#you`)
    await expectShown(done)
    await page.dblclick('button')
    await expectShown(done)
    await page.reload()
    await expectShown(done)
    expect([generations, warnings]).toEqual([1, []])
  })
})
