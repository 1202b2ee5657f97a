/** Two tabs and an idle one of `useLiveChat` in Chromium, in which people do anything at any time. */
import type { UIMessageChunk } from 'ai'
import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { http } from '../../src/index.ts'
import { bundle } from '../client/bundle.ts'
import { type ChatServer, startChats, textOf } from '../endpoints/chat/chat-server.ts'
import { launchBrowser } from '../support/browser.ts'
import { describeWith } from '../support/services.ts'
import { LivePage } from './live-pages.ts'

const PAGE =
  '<!doctype html><title>Chat</title><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/page.js"></script>'

const isLong = process.env['MILLRACE_LONG'] !== undefined
const SEEDS = isLong ? 20 : 2
const ACTS = 25

describeWith(['chromium'], 'useLiveChat in several tabs at once', ({ chromium }) => {
  let browser: Browser
  let context: BrowserContext
  let code: string
  let server: ChatServer

  beforeAll(async () => {
    browser = await launchBrowser(chromium)
    code = await bundle('test/browser/pages/live-chat.ts', { mode: 'development' })
  })

  afterAll(() => browser.close())

  beforeEach(async () => {
    const file = (body: string, type: string) => () =>
      new Response(body, { headers: { 'content-type': type } })
    server = await startChats({
      source: ({ messages, signal }) => words(textOf(messages.at(-1)), signal),
      startsPerOwner: 1000,
      routes: [http('/', file(PAGE, 'text/html')), http('/page.js', file(code, 'text/javascript'))],
    })
    context = await browser.newContext()
  })

  afterEach(async () => {
    await context.close()
    await server[Symbol.asyncDispose]()
  })

  /** What a person may do, in the words of the page. */
  const acts = (pick: (count: number) => number) => {
    const message = `chat.messages[${pick(6)} % Math.max(1, chat.messages.length)]`
    const users = `chat.messages.filter(({ role }) => role === 'user')[${pick(3)}]`
    return [
      "chat.sendMessage({ text: 'Say ' + Math.random() })",
      "chat.sendMessage({ text: 'Say ' + Math.random() })",
      "chat.sendMessage({ text: 'Now ' + Math.random() }, { whileBusy: 'replace' })",
      'chat.stop()',
      `(${users} && chat.edit(${users}.id, { text: 'Edit ' + Math.random() }))`,
      '(chat.messages.length > 0 && chat.regenerate())',
      `(${message} && chat.branches(${message}.id)?.previous())`,
      `(${message} && chat.branches(${message}.id)?.next())`,
      '(chat.queue[0] && chat.takeBack(chat.queue[0].id))',
      '(mount(false), requestAnimationFrame(() => mount(true)))',
      "(show('c2'), requestAnimationFrame(() => show('c1')))",
    ]
  }

  test.each(Array.from({ length: SEEDS }, (_, seed) => seed + 1))(
    'whatever is done in them, they show the same in the end, and nothing twice (seed %i)',
    async (seed) => {
      const pick = picker(seed)
      const open = () => LivePage.open(context, server.server.url('/?chat=c1'))
      const pages = [await open(), await open(), await open()]
      for (let act = 0; act < ACTS; act++) {
        const all = acts(pick)
        // The third one is idle.
        const page = pages[pick(2)]
        const code = all[pick(all.length)]
        // What comes too late is refused: that is told to who did it.
        await page?.page.evaluate(`void Promise.resolve(${code}).catch(() => {})`)
        if (pick(3) === 0) await page?.page.evaluate('new Promise(requestAnimationFrame)')
        if (pick(12) === 0) await page?.reload()
      }
      const settled = async () => {
        const chat = await server.chats.get('c1')
        return chat?.active || (chat?.queue.length ?? 0) > 0 ? undefined : chat
      }
      await expect.poll(settled, { timeout: 30_000 }).toBeDefined()
      const kept = (await settled())?.messages.map(({ message }) => [message.id, textOf(message as never)])
      for (const page of pages) {
        const look = async () => {
          const { messages, queue, isAnswering } = await page.shown()
          return { messages: messages.map(({ id, text }) => [id, text]), queue, isAnswering }
        }
        await expect
          .poll(look, { timeout: 15_000 })
          .toEqual({ messages: kept, queue: [], isAnswering: false })
        expect((await page.faults()).filter((fault) => !fault.includes('came back'))).toEqual([])
        expect(page.complaints).toEqual([])
      }
    },
  )
})

/** An answer of some words, each after a moment. */
async function* words(question: string, signal: AbortSignal): AsyncGenerator<UIMessageChunk> {
  yield { type: 'text-start', id: '1' }
  for (let word = 0; word < 12; word++) {
    await new Promise((resolve) => setTimeout(resolve, 10))
    signal.throwIfAborted()
    yield { type: 'text-delta', id: '1', delta: `${question} ${word}. ` }
  }
  yield { type: 'text-end', id: '1' }
}

/** Numbers below a count, the same for the same seed. */
function picker(seed: number): (count: number) => number {
  let state = seed * 2_654_435_761
  return (count) => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 374_761_393) >>> 0
    return state % count
  }
}
