/** The project's page over durable runs: what it shows survives reloads, networks, tabs and servers. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createSeedApplication } from '../../src/seed/application.ts'
import type { Application } from '../../src/server/application.ts'
import type { RunningServer } from '../../src/server/listener.ts'
import { sqliteStreams } from '../../src/streams/sqlite.ts'
import { startMillrace } from '../cli/command-line.ts'
import { ANSWER, type Aimock, PROMPTS, startAimock } from '../support/aimock.ts'
import { complaintsOf, launchBrowser } from '../support/browser.ts'
import { collectingLogger } from '../support/logger.ts'
import { startCuttingProxy } from '../support/cutting-proxy.ts'
import { ResponsesMock } from '../support/responses-mock.ts'
import { TEN_NUMBERS } from '../support/seed-page.ts'
import { describeWith } from '../support/services.ts'

describeWith(['chromium'], 'the page over durable runs', ({ chromium }) => {
  let browser: Browser
  let aimock: Aimock
  let folder: string
  let application: Application
  let server: RunningServer
  let context: BrowserContext
  let page: Page

  beforeAll(async () => {
    browser = await launchBrowser(chromium)
    aimock = await startAimock()
    folder = await mkdtemp(join(tmpdir(), 'millrace-durable-'))
    application = createSeedApplication({
      logger: collectingLogger(),
      environment: { OPENAI_API_KEY: 'none', OPENAI_BASE_URL: aimock.baseURL, OPENAI_MODEL: 'gpt-4o' },
      store: sqliteStreams(join(folder, 'streams.db')),
    })
    server = await application.listen({ port: 0 })
  })

  afterAll(async () => {
    await browser.close()
    await application.close()
    await aimock.close()
    await rm(folder, { recursive: true, force: true })
  })

  beforeEach(async () => {
    context = await browser.newContext()
    page = await context.newPage()
  })

  afterEach(async () => {
    await context.close()
  })

  test('a reload keeps the text and goes on with it', async () => {
    const complaints = complaintsOf(page)
    await page.goto(server.url)
    await start(page)
    await atLeast(page, 'Number 2')
    const address = page.url()
    expect(new URL(address).searchParams.get('run')).toMatch(/^[0-9a-f]{32}$/)
    await page.reload()
    await page.waitForSelector('#run[data-status=streaming]')
    expect(await textOf(page)).toMatch(/^Number 0\nNumber 1\nNumber 2\n/)
    await page.waitForSelector('#run[data-status=completed]')
    expect(await textOf(page)).toBe(TEN_NUMBERS)
    expect(page.url()).toBe(address)
    expect(complaints).toEqual([])
  })

  test('Back and Forward lead from run to run, which go on meanwhile', async () => {
    await page.goto(server.url)
    await ask(page, PROMPTS.answer)
    await page.waitForSelector('#run[data-status=completed]')
    await ask(page, PROMPTS.slow)
    await expect.poll(() => textOf(page)).toMatch(/^A mill/)
    await page.goBack()
    await page.waitForSelector('#run[data-status=completed]')
    expect(await textOf(page)).toBe(ANSWER)
    expect(await page.textContent('.asked')).toBe(PROMPTS.answer)
    await page.goForward()
    await page.waitForSelector('#run[data-status=completed]')
    expect(await textOf(page)).toBe(ANSWER)
    expect(await page.textContent('.asked')).toBe(PROMPTS.slow)
    await page.goBack()
    await page.goBack()
    await page.waitForSelector('#run[data-status=ready]')
    expect(await textOf(page)).toBe('')
  })

  test('a second tab sees the same, live, and its Stop ends both and the upstream request', async () => {
    await page.goto(server.url)
    const index = aimock.requests.length
    await ask(page, PROMPTS.slow)
    const upstream = await aimock.request(index)
    await expect.poll(() => textOf(page)).toMatch(/^A mill/)
    const second = await context.newPage()
    await second.goto(page.url())
    await second.waitForSelector('#run[data-status=streaming]')
    const seen = (await textOf(second)).length
    await expect.poll(async () => (await textOf(second)).length).toBeGreaterThan(seen + 8)
    await second.getByRole('button', { name: 'Stop', exact: true }).click()
    await Promise.all([page, second].map((tab) => tab.waitForSelector('#run[data-status=stopped]')))
    expect((await upstream.ended).complete).toBe(false)
    const kept = await textOf(second)
    expect(kept.length).toBeGreaterThan(seen)
    expect(await textOf(page)).toBe(kept)
    expect(ANSWER.startsWith(kept)).toBe(true)
    await page.reload()
    await page.waitForSelector('#run[data-status=stopped]')
    expect(await textOf(page)).toBe(kept)
  })

  test('a lost network loses no text', async () => {
    // Chromium's offline switch lets open WebSockets be, so those are cut, too.
    const network = await startCuttingProxy(server.port)
    try {
      await page.goto(`http://127.0.0.1:${network.port}`)
      await start(page)
      await atLeast(page, 'Number 1')
      await context.setOffline(true)
      for (let index = network.connections; index-- > 0; ) network.cut(index)
      await page.waitForSelector('#connection[data-status=reconnecting]')
      const kept = await textOf(page)
      expect(TEN_NUMBERS.startsWith(kept)).toBe(true)
      expect(await page.textContent('#hint')).toContain('what is missing follows')
      await context.setOffline(false)
      await page.waitForSelector('#connection[data-status=connected]')
      await page.waitForSelector('#run[data-status=completed]')
      expect(await textOf(page)).toBe(TEN_NUMBERS)
    } finally {
      await network.close()
    }
  })

  test.each([
    ['an unknown id', 'nobody'],
    ['an id of the server itself', '@control'],
    ['an id that is too long', 'x'.repeat(600)],
    ['what is no id', 'with a space'],
  ])(
    'a run that is not there, by %s, is told in a sentence, and the page works on',
    async (_name, run) => {
      const complaints = complaintsOf(page)
      await page.goto(`${server.url}/?${new URLSearchParams({ run }).toString()}`)
      await page.waitForSelector('#run[data-status=missing]')
      expect(await page.textContent('#run .reason')).toMatch(/^There is no answer at this address/)
      expect(page.url()).toBe(`${server.url}/`)
      expect(await textOf(page)).toBe('')
      await ask(page, PROMPTS.answer)
      await page.waitForSelector('#run[data-status=completed]')
      expect(await textOf(page)).toBe(ANSWER)
      expect(complaints).toEqual([])
    },
  )

  test('a server that is killed and started again goes on with every run', async () => {
    const model = await ResponsesMock.start({ script: { words: 40, delay: 0.1 } })
    const store = ['--store', join(folder, 'killed.db')]
    const environment = { OPENAI_BASE_URL: model.baseURL, OPENAI_API_KEY: 'none', OPENAI_BACKGROUND: '1' }
    const first = startMillrace(['serve', '-p', '0', ...store], { environment })
    const [, url = '', port = ''] = await first.printed(/ on (http:\/\/127\.0\.0\.1:(\d+))/)
    try {
      await page.goto(url)
      await start(page)
      const asking = await context.newPage()
      await asking.goto(url)
      await ask(asking, 'Tell me something.')
      await expect.poll(async () => (await textOf(asking)).length).toBeGreaterThan(10)
      await atLeast(page, 'Number 2')
      await first.end()
      await Promise.all(
        [page, asking].map((tab) => tab.waitForSelector('#connection[data-status=reconnecting]')),
      )
      expect(await textOf(page)).toMatch(/^Number 0\nNumber 1\nNumber 2\n/)
      await startMillrace(['serve', '-p', port, ...store], { environment }).printed(/ is serving /)
      await Promise.all([page, asking].map((tab) => tab.waitForSelector('#run[data-status=completed]')))
      expect(await textOf(page)).toBe(TEN_NUMBERS)
      expect(await textOf(asking)).toBe(model.responses[0]?.source)
      expect(model.responses).toHaveLength(1)
    } finally {
      await model.close()
    }
  })
})

async function start(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Start', exact: true }).click()
}

async function ask(page: Page, prompt: string): Promise<void> {
  await page.fill('#prompt', prompt)
  await page.press('#prompt', 'Enter')
}

async function textOf(page: Page): Promise<string> {
  return await page.inputValue('#openaiOutput')
}

async function atLeast(page: Page, line: string): Promise<void> {
  await expect.poll(() => textOf(page), { timeout: 10_000 }).toContain(line)
}
