/** The demo in a real browser: the tutorial's own page, the project's page, a prompt and Stop. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { http } from '../../src/routing/route.ts'
import { createDemoApplication } from '../../src/demo/application.ts'
import { Application } from '../../src/server/application.ts'
import type { RunningServer } from '../../src/server/listening/listener.ts'
import { ANSWER, type Aimock, ECHOED_KEY, PROMPTS, startAimock } from '../support/aimock.ts'
import { complaintsOf, launchBrowser } from '../support/browser.ts'
import { collectingLogger } from '../support/logger.ts'
import { SEED_PAGE, TEN_NUMBERS } from '../support/seed-page.ts'
import { describeWith } from '../support/services.ts'

const KEY = 'sk-secret-of-the-server'

describeWith(['chromium'], 'the demo in Chromium', ({ chromium }) => {
  let browser: Browser
  let aimock: Aimock
  let application: Application
  let server: RunningServer
  let page: Page
  const logger = collectingLogger()

  beforeAll(async () => {
    browser = await launchBrowser(chromium)
    aimock = await startAimock()
    const environment = { OPENAI_API_KEY: KEY, OPENAI_BASE_URL: aimock.baseURL, OPENAI_MODEL: 'gpt-4o' }
    const seed = createDemoApplication({ logger, environment })
    // The seed's page needs an inline script, so it stands beside the project's own, on one server.
    const html = { headers: { 'content-type': 'text/html' } }
    const seedPage = http('/seed', () => new Response(SEED_PAGE, html))
    application = new Application({ ...seed.options, routes: [seedPage, ...(seed.options.routes ?? [])] })
    server = await application.listen({ port: 0 })
  })

  afterAll(async () => {
    await browser.close()
    await application.close()
    await aimock.close()
  })

  beforeEach(async () => {
    page = await browser.newPage()
  })

  afterEach(async () => {
    await page.close()
  })

  test("the seed's own page receives the ten numbers", async () => {
    await page.goto(`${server.url}/seed`)
    await page.waitForFunction('socket.readyState === 1')
    await page.click('button')
    await expect.poll(() => page.inputValue('#openaiOutput'), { timeout: 20_000 }).toBe(TEN_NUMBERS)
  })

  test("the project's page receives them too, without a complaint", async () => {
    const complaints = complaintsOf(page)
    await page.goto(server.url)
    await page.getByRole('button', { name: 'Start', exact: true }).click()
    await expect.poll(() => page.inputValue('#openaiOutput'), { timeout: 20_000 }).toBe(TEN_NUMBERS)
    await page.waitForSelector('#run[data-status=completed]')
    expect(complaints).toEqual([])
  })

  test('a prompt is answered token by token, without the key in sight', async () => {
    const seen: string[] = []
    page.on('websocket', (socket) => {
      socket.on('framereceived', ({ payload }) => seen.push(String(payload)))
    })
    await page.goto(server.url)
    await ask(page, PROMPTS.answer)
    await page.waitForSelector('#run[data-status=completed]')
    expect((await page.inputValue('#openaiOutput')).trim()).toBe(ANSWER)
    // A fast answer comes in few frames; each of its tokens is a record of its own.
    const records = seen.flatMap((frame) => (JSON.parse(frame) as { records?: string[] }).records ?? [])
    expect(records.length).toBeGreaterThan(10)
    expect(seen.join('')).not.toContain(KEY)
  })

  test('Stop keeps what came and ends the upstream request', async () => {
    await page.goto(server.url)
    const index = aimock.requests.length
    await ask(page, PROMPTS.slow)
    const upstream = await aimock.request(index)
    await expect
      .poll(async () => (await page.inputValue('#openaiOutput')).length, { timeout: 10_000 })
      .toBeGreaterThan(8)
    await page.getByRole('button', { name: 'Stop', exact: true }).click()
    await page.waitForSelector('#run[data-status=stopped]')
    expect((await upstream.ended).complete).toBe(false)
    const kept = (await page.inputValue('#openaiOutput')).trim()
    expect(kept.length).toBeGreaterThan(8)
    expect(ANSWER.startsWith(kept)).toBe(true)
  })

  test('a closed tab leaves the run alone: it is whole when one comes back', async () => {
    const tab = await browser.newPage()
    await tab.goto(server.url)
    const index = aimock.requests.length
    await ask(tab, PROMPTS.slow)
    const upstream = await aimock.request(index)
    await expect
      .poll(async () => (await tab.inputValue('#openaiOutput')).length, { timeout: 10_000 })
      .toBeGreaterThan(4)
    const address = tab.url()
    await tab.close()
    expect((await upstream.ended).complete).toBe(true)
    await page.goto(address)
    await page.waitForSelector('#run[data-status=completed]')
    expect(await page.inputValue('#openaiOutput')).toBe(ANSWER)
    expect(aimock.requests).toHaveLength(index + 1)
  })

  test.each([
    ['a refused key', PROMPTS.key, /refused this server's key/],
    ['a rate limit', PROMPTS.rate, /too many requests/],
    ['a failing service', PROMPTS.server, /has a problem or is overloaded/],
    ['a cut connection', PROMPTS.cut, /broke before the answer was complete/],
  ])('%s is explained in a sentence', async (_name, prompt, sentence) => {
    await page.goto(server.url)
    await ask(page, prompt)
    await page.waitForSelector('#run[data-status=failed]', { timeout: 20_000 })
    expect(await page.textContent('#run .reason')).toMatch(sentence)
    const everything = (await page.content()) + JSON.stringify(logger.entries)
    expect(everything).not.toContain(KEY)
    expect(everything).not.toContain(ECHOED_KEY)
  })
})

async function ask(page: Page, prompt: string): Promise<void> {
  await page.fill('#prompt', prompt)
  await page.press('#prompt', 'Enter')
}
