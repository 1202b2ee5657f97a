/** The project's page over durable runs: what it shows survives reloads, networks, tabs and servers. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { createDemoApplication } from '../../src/demo/application.ts'
import type { RunningServer } from '../../src/server/listening/listener.ts'
import { sqlite } from '../../src/streams/sqlite/sqlite.ts'
import { startMillrace } from '../cli/command-line.ts'
import { complaintsOf, launchBrowser } from '../support/browser.ts'
import { startCuttingProxy } from '../support/cutting-proxy.ts'
import { collectingLogger } from '../support/logger.ts'
import { ResponsesMock } from '../support/responses-mock.ts'
import { TEN_NUMBERS } from '../support/seed-page.ts'
import { describeWith } from '../support/services.ts'
import { type Upstream, delta, stream, upstream } from '../support/upstream.ts'

/** Every wait ends with what it waits for; this is for a machine that is very busy. */
const PATIENCE = { timeout: 40_000 }

describeWith(['chromium'], 'the page over durable runs', ({ chromium }) => {
  let browser: Browser
  let folder: string
  let context: BrowserContext
  let page: Page

  beforeAll(async () => {
    browser = await launchBrowser(chromium)
  })

  afterAll(async () => {
    await browser.close()
  })

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-durable-'))
    context = await browser.newContext()
    page = await context.newPage()
  })

  afterEach(async () => {
    await context.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** The seed, on SQLite, and a model that begins every answer with "Well," and leaves the rest to the test. */
  async function serve(): Promise<RunningServer & { readonly model: Upstream }> {
    const model = await upstream(({ res }) => stream(res, delta('Well,')))
    const application = createDemoApplication({
      logger: collectingLogger(),
      environment: { OPENAI_API_KEY: 'none', OPENAI_BASE_URL: model.baseURL },
      store: sqlite(join(folder, 'streams.db')),
    })
    onTestFinished(() => application.close())
    return { ...(await application.listen({ port: 0 })), model }
  }

  test('a reload keeps the text and goes on with it', async () => {
    const complaints = complaintsOf(page)
    await page.goto((await serve()).url)
    await start(page)
    await shows(page, /Number 2/)
    const address = page.url()
    expect(new URL(address).searchParams.get('run')).toMatch(/^[0-9a-f]{32}$/)
    await page.reload()
    await shows(page, /^Number 0\nNumber 1\nNumber 2\n/)
    await becomes(page, 'streaming')
    await becomes(page, 'completed')
    expect(await textOf(page)).toBe(TEN_NUMBERS)
    expect(page.url()).toBe(address)
    expect(complaints).toEqual([])
  })

  test('Back and Forward lead from run to run, which go on meanwhile', async () => {
    const { url, model } = await serve()
    await page.goto(url)
    await ask(page, 'One?')
    await shows(page, /^Well,$/)
    end(model, 0, ' one.')
    await becomes(page, 'completed')
    await ask(page, 'Two?')
    await shows(page, /^Well,$/)
    await page.goBack()
    await becomes(page, 'completed')
    await shows(page, /^Well, one\.$/)
    expect(await page.textContent('.asked')).toBe('One?')
    end(model, 1, ' two.')
    await page.goForward()
    await becomes(page, 'completed')
    await shows(page, /^Well, two\.$/)
    expect(await page.textContent('.asked')).toBe('Two?')
    await page.goBack()
    await page.goBack()
    await becomes(page, 'ready')
    expect(await textOf(page)).toBe('')
  })

  test('a second tab sees the same, live, and its Stop ends both and the upstream request', async () => {
    const { url, model } = await serve()
    await page.goto(url)
    await ask(page, 'Why?')
    await shows(page, /^Well,$/)
    const second = await context.newPage()
    await second.goto(page.url())
    await shows(second, /^Well,$/)
    stream(model.requests[0]!.res, delta(' because'))
    await Promise.all([page, second].map((tab) => shows(tab, /^Well, because$/)))
    await second.getByRole('button', { name: 'Stop', exact: true }).click()
    await Promise.all([page, second].map((tab) => becomes(tab, 'stopped')))
    await model.requests[0]!.closed
    expect(await textOf(page)).toBe('Well, because')
    await page.reload()
    await becomes(page, 'stopped')
    await shows(page, /^Well, because$/)
    expect(model.requests).toHaveLength(1)
  })

  test('a lost network loses no text', async () => {
    // Chromium's offline switch lets open WebSockets be, so those are cut, too.
    const network = await startCuttingProxy((await serve()).port)
    onTestFinished(() => network.close())
    await page.goto(`http://127.0.0.1:${network.port}`)
    await start(page)
    await shows(page, /Number 1/)
    await context.setOffline(true)
    for (let index = network.connections; index-- > 0;) network.cut(index)
    await page.waitForSelector('#connection[data-status=reconnecting]', PATIENCE)
    expect(await textOf(page)).toMatch(/^Number 0\nNumber 1\n/)
    expect(await page.textContent('#hint')).toMatch(
      /^(There is no network|The connection was lost)\. Nothing is lost: the rest follows/,
    )
    await context.setOffline(false)
    await page.waitForSelector('#connection[data-status=connected]', PATIENCE)
    await becomes(page, 'completed')
    expect(await textOf(page)).toBe(TEN_NUMBERS)
  })

  test('a network that lets no WebSocket through is gone around', async () => {
    await page.routeWebSocket(/\/millrace\/socket$/, (socket) => socket.close())
    const { url, model } = await serve()
    await page.goto(url)
    await ask(page, 'Why?')
    await shows(page, /^Well,$/)
    await page.reload()
    await shows(page, /^Well,$/)
    end(model, 0, ' because.')
    await becomes(page, 'completed')
    expect(await textOf(page)).toBe('Well, because.')
  })

  test.each([
    ['an unknown id', 'nobody'],
    ['an id of the server itself', '@control'],
    ['an id that is too long', 'x'.repeat(600)],
    ['what is no id', 'with a space'],
  ])('a run that is not there, by %s, is told in a sentence, and the page works on', async (_, run) => {
    const complaints = complaintsOf(page)
    const { url, model } = await serve()
    await page.goto(`${url}/?${new URLSearchParams({ run }).toString()}`)
    await becomes(page, 'missing')
    expect(await page.textContent('#run .reason')).toMatch(/^There is no answer at this address/)
    expect(page.url()).toBe(`${url}/`)
    expect(await textOf(page)).toBe('')
    await ask(page, 'Why?')
    await shows(page, /^Well,$/)
    end(model, 0, ' because.')
    await becomes(page, 'completed')
    expect(complaints).toEqual([])
  })

  test('a server that is killed and started again goes on with every run', async () => {
    const model = await ResponsesMock.start({ script: { words: 40, delay: 0.1 } })
    onTestFinished(() => model.close())
    const store = ['--store', join(folder, 'streams.db')]
    const environment = { OPENAI_BASE_URL: model.baseURL, OPENAI_API_KEY: 'none', OPENAI_BACKGROUND: '1' }
    const first = startMillrace(['serve', '-p', '0', ...store], { environment })
    const [, url = '', port = ''] = await first.printed(/ on (http:\/\/127\.0\.0\.1:(\d+))/)
    await page.goto(url)
    await start(page)
    const other = await context.newPage()
    await other.goto(url)
    await ask(other, 'Tell me something.')
    await Promise.all([shows(page, /Number 2/), shows(other, /\w/)])
    await first.end()
    const tabs = [page, other]
    await Promise.all(
      tabs.map((tab) => tab.waitForSelector('#connection[data-status=reconnecting]', PATIENCE)),
    )
    expect(await textOf(page)).toMatch(/^Number 0\nNumber 1\nNumber 2\n/)
    await startMillrace(['serve', '-p', port, ...store], { environment }).printed(/ is serving /)
    await Promise.all(tabs.map((tab) => becomes(tab, 'completed')))
    expect(await textOf(page)).toBe(TEN_NUMBERS)
    expect(await textOf(other)).toBe(model.responses[0]?.source)
    expect(model.responses).toHaveLength(1)
  })
})

async function start(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Start', exact: true }).click()
}

async function ask(page: Page, prompt: string): Promise<void> {
  await page.fill('#prompt', prompt)
  await page.press('#prompt', 'Enter')
}

/** Lets the model say the last of an answer. */
function end(model: Upstream, index: number, text: string): void {
  const { res } = model.requests[index]!
  stream(res, delta(text), { type: 'response.completed' })
  res.end()
}

async function textOf(page: Page): Promise<string> {
  return await page.inputValue('#openaiOutput')
}

async function shows(page: Page, text: RegExp): Promise<void> {
  await expect.poll(() => textOf(page), PATIENCE).toMatch(text)
}

async function becomes(page: Page, status: string): Promise<void> {
  await page.waitForSelector(`#run[data-status=${status}]`, PATIENCE)
}
