/** The examples that show a chat, or an answer, run as their first lines say. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { NodeChat, transportOf } from '../endpoints/chat/chat-server.ts'
import { complaintsOf, launchBrowser } from '../support/browser.ts'
import { Example } from '../support/example.ts'
import { freePort } from '../support/redis.ts'
import { ResponsesMock } from '../support/responses-mock.ts'
import { describeWith } from '../support/services.ts'
import { upstream } from '../support/upstream.ts'

const WITHOUT_KEY = 'Set OPENAI_API_KEY, and a model answers here.'
const MAIN = resolve('src/cli/main.ts')

/** Where ./data.db is. */
let folder: string
let example: Example | undefined

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-example-'))
})

afterEach(async () => {
  await example?.end()
  example = undefined
  await rm(folder, { recursive: true, force: true })
})

const express = async (): Promise<string> => {
  example = await Example.start([resolve('examples/express/server.ts')], { folder })
  return example.url
}

it('express: stock useChat asks, resumes and stops, and its history is kept', async () => {
  const url = await express()
  const transport = transportOf('DefaultChatTransport', `${url}/api/chat`)
  const chat = new NodeChat('c1', transport)
  const sending = chat.sendMessage({ text: 'Hello' })
  await expect.poll(() => chat.text).toMatch(/^Set /)
  const other = new NodeChat('c1', transport)
  await Promise.all([sending, other.resumeStream()])
  expect([chat.text, other.text]).toEqual([WITHOUT_KEY, WITHOUT_KEY])
  const stopped = chat.sendMessage({ text: 'Again' })
  await expect.poll(() => chat.text).toMatch(/^Set /)
  await fetch(`${url}/api/chat/c1/stop`, { method: 'POST' })
  await stopped
  const history = (await (await fetch(`${url}/history/c1`)).json()) as { role: string }[]
  expect(history.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant'])
})

it('Ollama: the demo asks it at its own address, by its name alone', async () => {
  const ollama = await upstream(({ res, body }) => {
    const { model, messages } = JSON.parse(body) as { model: string; messages: { content: string }[] }
    const chunk = (delta: object, finish_reason: string | null): string =>
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, delta, finish_reason }] })}\n\n`
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.end(
      `${chunk({ content: `${model}: ${messages.at(-1)?.content}` }, null)}${chunk({}, 'stop')}data: [DONE]\n\n`,
    )
  })
  const environment = {
    OLLAMA_BASE_URL: ollama.baseURL,
    MILLRACE_MODEL: 'ollama/llama3.3',
    MILLRACE_STORE: 'memory:',
  }
  example = await Example.start([MAIN, 'serve', '--port', '0'], { environment })
  const chat = new NodeChat('c1', transportOf('DefaultChatTransport', `${example.url}/api/chat`))
  await chat.sendMessage({ text: 'Hello' })
  expect(chat.text).toBe('llama3.3: Hello')
  expect(ollama.requests[0]?.req.url).toBe('/v1/chat/completions')
})

describeWith(['chromium'], 'in Chromium', ({ chromium }) => {
  let browser: Browser
  let page: Page
  let complaints: string[]

  beforeAll(async () => {
    browser = await launchBrowser(chromium)
  })
  afterAll(() => browser.close())

  beforeEach(async () => {
    page = await browser.newPage()
    complaints = complaintsOf(page)
  })
  afterEach(() => page.close())

  it('express: the page is reloaded in mid-answer, and has all of it once', async () => {
    await page.goto(await express())
    await page.getByLabel('Message').fill('Hello')
    await page.getByRole('button', { name: 'Send' }).click()
    const answer = page.locator('.assistant')
    await expect.poll(() => answer.allTextContents()).toEqual([expect.stringContaining('Set OPENAI')])
    await page.reload()
    await expect.poll(() => answer.allTextContents()).toEqual([`Model: ${WITHOUT_KEY}`])
    expect(await page.locator('.user').allTextContents()).toEqual(['You: Hello'])
    expect(complaints).toEqual([])
  })

  it('Vite and React: two tabs show one chat, either stops it, and what waits comes next', async () => {
    const port = await freePort()
    const args = [resolve('node_modules/vite/bin/vite.js'), resolve('templates/chat'), '--port', String(port)]
    // As it is built: Vite finds the browser's side of the package in dist/.
    example = await Example.start([...args, '--strictPort'], { folder, fromSource: false })
    await page.goto(example.url)
    await page.getByLabel('Message').waitFor()
    const idle = await browser.newPage()
    await idle.goto(page.url())
    const send = async (text: string): Promise<void> => {
      await page.getByLabel('Message').fill(text)
      await page.keyboard.press('Enter')
    }
    await send('First')
    await expect
      .poll(() => idle.locator('.assistant').allTextContents())
      .toEqual([expect.stringMatching(/No model/)])
    await send('Second')
    await expect
      .poll(() => idle.locator('.waiting').allTextContents())
      .toEqual([expect.stringMatching(/^Second/)])
    await page.reload()
    await idle.getByRole('button', { name: 'Stop' }).click()
    for (const tab of [page, idle]) {
      await expect.poll(() => tab.locator('.user').allTextContents()).toEqual(['YouFirst', 'YouSecond'])
      await expect
        .poll(() => tab.locator('.assistant').last().textContent())
        .toMatch(/Then look into app\.ts\.$/)
      expect(await tab.locator('.assistant').count()).toBe(2)
    }
    expect((await page.locator('.assistant').first().textContent())?.endsWith('app.ts.')).toBe(false)
    expect(complaints).toEqual([])
    await idle.close()
  })

  it('plain HTML: an answer goes on through a reload and a server that is killed', async () => {
    const model = await ResponsesMock.start({ script: { words: 60, delay: 0.05 } })
    const port = await freePort()
    const start = (): Promise<Example> =>
      Example.start([MAIN, 'serve', resolve('examples/plain-html/app.ts'), '--port', String(port)], {
        folder,
        environment: { OPENAI_API_KEY: 'sk-1', OPENAI_BASE_URL: model.baseURL },
      })
    try {
      example = await start()
      await page.goto(example.url)
      const output = page.locator('#answer')
      await page.getByRole('button', { name: 'Ask' }).click()
      await expect.poll(() => output.textContent()).toContain('0.2 ')
      await page.reload()
      await expect.poll(() => output.textContent()).toContain('0.2 ')
      await example.end('SIGKILL')
      await expect.poll(() => page.getByRole('status').textContent()).toBe('Reconnecting')
      example = await start()
      await expect.poll(() => output.textContent(), { timeout: 50_000 }).toBe(model.responses[0]?.source)
      expect(model.responses).toHaveLength(1)
      expect(await page.getByRole('status').textContent()).toBe('')

      await page.getByRole('button', { name: 'Ask' }).click()
      await expect.poll(() => output.textContent()).toContain('1.1 ')
      await page.getByRole('button', { name: 'Stop' }).click()
      await expect.poll(() => page.getByRole('status').textContent()).toBe('The answer was stopped.')
    } finally {
      await model.close()
    }
  })
})
