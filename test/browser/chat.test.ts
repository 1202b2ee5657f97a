/** Stock `useChat` of @ai-sdk/react in Chromium, over the transports as they are published, against a real server. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Route, http, memory } from '../../src/index.ts'
import { bundle } from '../client/bundle.ts'
import { type ChatServer, STOCK, Script, startChats } from '../endpoints/chat/chat-server.ts'
import { launchBrowser } from '../support/browser.ts'
import { describeWith } from '../support/services.ts'

interface Shown {
  readonly status: string
  readonly error?: string
  readonly statuses: readonly string[]
  readonly messages: readonly { readonly id: string; readonly role: string; readonly text: string }[]
}

const PAGE =
  '<!doctype html><title>Chat</title><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/page.js"></script>'

const isLong = process.env['MILLRACE_LONG'] !== undefined
const transports = isLong ? STOCK : STOCK.slice(0, 2)

describeWith(['chromium'], 'useChat in Chromium', ({ chromium }) => {
  let browser: Browser
  let code: string
  let server: ChatServer
  let script: Script
  let store = memory()

  beforeAll(async () => {
    browser = await launchBrowser(chromium)
    code = await bundle('test/browser/pages/chat.ts', { mode: 'development' })
  })

  afterAll(() => browser.close())

  const routes = (): Route[] => [
    http('/', file(PAGE, 'text/html')),
    http('/page.js', file(code, 'text/javascript')),
    http('/history/:id', async (_request, { params }) => {
      const chat = await server.chats.get(params.id)
      return Response.json(chat?.messages.map(({ message }) => message) ?? [])
    }),
  ]

  const start = async (port = 0) => {
    script = new Script()
    server = await startChats({ source: (request) => script.source(request), store, port, routes: routes() })
  }

  beforeEach(async () => {
    store = memory()
    await start()
  })

  afterEach(async () => {
    for (const context of browser.contexts()) await context.close()
    await server[Symbol.asyncDispose]()
  })

  const open = async (transport: string, more = '') => {
    const page = await browser.newPage()
    await page.goto(server.server.url(`/?transport=${transport}${more}`))
    await page.waitForSelector('output')
    return page
  }
  const shown = async (page: Page) => JSON.parse((await page.textContent('output')) ?? '') as Shown
  const text = async (page: Page) => (await shown(page)).messages.at(-1)?.text
  const send = (page: Page, what: string) =>
    page.evaluate(`void chat.sendMessage({ text: ${JSON.stringify(what)} })`)
  const whole = { status: 'ready', messages: [{ text: 'Hello' }, { text: 'One two three.' }] }

  /** A page that has half of its answer. */
  const begin = async (transport: string) => {
    const page = await open(transport)
    await send(page, 'Hello')
    script.say('One', ' two')
    await expect.poll(() => text(page)).toBe('One two')
    return page
  }
  const finish = () => {
    script.say(' three.')
    script.end()
  }

  describe.each(transports)('%s', (transport) => {
    test('an answer comes as it is written, and is resumed after a reload in its middle', async () => {
      const page = await begin(transport)
      await page.reload()
      await expect.poll(() => text(page)).toBe('One two')
      finish()
      await expect.poll(() => shown(page)).toMatchObject(whole)
      expect((await shown(page)).messages).toHaveLength(2)
    })

    // Pages take their time to load: CI has one test of each transport.
    test.runIf(isLong)('a component that is unmounted and comes back has the whole answer once', async () => {
      const page = await begin(transport)
      await page.evaluate('mount(false)')
      script.say(' three')
      await page.evaluate('mount(true)')
      await expect.poll(() => text(page)).toBe('One two three')
      script.say('.')
      script.end()
      await expect.poll(() => shown(page)).toMatchObject({ status: 'ready' })
      expect((await shown(page)).messages.filter(({ role }) => role === 'assistant')).toMatchObject([
        { text: 'One two three.' },
      ])
    })

    test.runIf(isLong)('stop after a reload ends the answer, and keeps it', async () => {
      const page = await begin(transport)
      await page.reload()
      await expect.poll(() => text(page)).toBe('One two')
      await page.evaluate("fetch('/api/chat/c1/stop', { method: 'POST' })")
      await expect.poll(() => shown(page)).toMatchObject({ status: 'ready' })
      expect(script.aborted).toBe(true)
      await page.reload()
      await expect.poll(() => text(page)).toBe('One two')
    })

    test.runIf(isLong)(
      'no half of an answer is ready after a drain, and what there is shows after a reload',
      async () => {
        const page = await begin(transport)
        const { port } = server.server.running
        await server.drain()
        // It asks until it is answered.
        const isPatient = transport === 'createDurableChatTransport'
        if (!isPatient) await expect.poll(() => shown(page)).toMatchObject({ status: 'error' })
        else expect(await shown(page)).toMatchObject({ status: 'streaming' })
        await start(port)
        if (isPatient) {
          const error = expect.stringMatching(/interrupted in the middle of this answer/) as string
          await expect.poll(() => shown(page)).toMatchObject({ status: 'error', error })
        }
        await page.reload()
        await page.waitForSelector('output')
        await expect.poll(() => shown(page)).toMatchObject({ messages: [{}, { text: 'One two' }] })
      },
    )
  })

  test('an idle tab shows what begins in another one, over WebSocket', async () => {
    const idle = await open('WebSocketChatTransport', '&idle')
    const page = await begin('WebSocketChatTransport')
    await expect.poll(() => text(idle)).toBe('One two')
    finish()
    await expect
      .poll(() => shown(idle))
      .toMatchObject({ status: 'ready', messages: [{ text: 'One two three.' }] })
    await expect.poll(() => shown(page)).toMatchObject(whole)
    script = new Script()
    await send(page, 'More')
    script.say('Four.')
    await expect.poll(() => text(idle)).toBe('Four.')
    script.end()
  })
})

function file(body: string, type: string) {
  return () => new Response(body, { headers: { 'content-type': type } })
}
