/** `useLiveChat` and `useChatList` in Chromium, in StrictMode, against a real server. */
import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Route, http, memory } from '../../src/index.ts'
import type { AnswerSource } from '../../src/ai-sdk.ts'
import { bundle } from '../client/bundle.ts'
import { type ChatServer, Script, startChats, textOf } from '../endpoints/chat/chat-server.ts'
import { launchBrowser } from '../support/browser.ts'
import { describeWith } from '../support/services.ts'
import { LivePage } from './live-pages.ts'

const PAGE =
  '<!doctype html><title>Chat</title><link rel="icon" href="data:,"><div id="root"></div><script type="module" src="/page.js"></script>'

describeWith(['chromium'], 'useLiveChat in Chromium', ({ chromium }) => {
  let browser: Browser
  let context: BrowserContext
  let code: string
  let server: ChatServer
  let store = memory()
  /** By the text of the question. */
  let scripts: Map<string, Script>
  let pages: LivePage[]

  /** The answer to a question: the one that is being given, or the next one. */
  const script = (question: string): Script => {
    const found = scripts.get(question) ?? new Script()
    scripts.set(question, found)
    return found
  }
  const given = new WeakSet<Script>()
  const answer: AnswerSource = (request) => {
    const question = textOf(request.messages.findLast(({ role }) => role === 'user'))
    if (given.has(script(question))) scripts.delete(question)
    given.add(script(question))
    return script(question).source(request)
  }

  beforeAll(async () => {
    browser = await launchBrowser(chromium)
    code = await bundle('test/browser/pages/live-chat.ts', { mode: 'development' })
  })

  afterAll(() => browser.close())

  const routes = (): Route[] => [
    http('/', file(PAGE, 'text/html')),
    http('/page.js', file(code, 'text/javascript')),
  ]

  const start = async (port = 0) => {
    server = await startChats({
      source: answer,
      store,
      port,
      routes: routes(),
      authenticate: (request) => {
        const user = /user=(\w+)/.exec(request.headers.get('cookie') ?? '')?.[1]
        return user === undefined ? undefined : { id: user }
      },
    })
  }

  beforeEach(async () => {
    store = memory()
    scripts = new Map()
    pages = []
    await start()
    context = await browser.newContext()
    await context.addCookies([{ name: 'user', value: 'ann', url: server.server.url('/') }])
  })

  afterEach(async () => {
    const faults = await Promise.all(pages.map((page) => page.faults()))
    const complaints = pages.flatMap((page) => page.complaints)
    await context.close()
    await server[Symbol.asyncDispose]()
    expect(faults.flat()).toEqual([])
    expect(complaints).toEqual([])
  })

  const open = async (query = '') => {
    const page = await LivePage.open(context, server.server.url(`/?chat=c1${query}`))
    pages.push(page)
    return page
  }
  const expectSays = (all: readonly LivePage[], texts: readonly string[], waiting: readonly string[] = []) =>
    Promise.all(all.map((page) => page.says(texts, waiting)))
  const expectShows = (all: readonly LivePage[], what: object) =>
    Promise.all(all.map((page) => page.shows(what)))
  const eachOf = (all: readonly LivePage[], look: (page: LivePage) => Promise<void>) =>
    Promise.all(all.map(look))

  test('question and answer begin in all tabs, an idle one too, and are there once', async () => {
    const [tab, other, idle] = await Promise.all([open(), open(), open()])
    await tab.send('Hello')
    script('Hello').say('One', ' two')
    await eachOf([tab, other, idle], async (page) => {
      await page.says(['Hello', 'One two'])
      await page.shows({ status: 'streaming', isAnswering: true })
    })
    script('Hello').say(' three.')
    script('Hello').end()
    await eachOf([tab, other, idle], async (page) => {
      await page.says(['Hello', 'One two three.'])
      await page.shows({ status: 'ready', isAnswering: false })
    })
    await other.send('More')
    script('More').say('Four.')
    script('More').end()
    await eachOf([tab, other, idle], async (page) => {
      await page.says(['Hello', 'One two three.', 'More', 'Four.'])
      await page.shows({ status: 'ready' })
      expect(await page.page.evaluate('finished')).toEqual(['One two three.: stop', 'Four.: stop'])
    })
  })

  test('any tab stops an answer that another one asked for, and what was said stays', async () => {
    const [tab, other] = await Promise.all([open(), open()])
    await tab.send('Hello')
    script('Hello').say('One', ' two')
    await expectSays([other], ['Hello', 'One two'])
    expect(await other.page.evaluate('chat.stop()')).toBe('stopped')
    expect(script('Hello').aborted).toBe(true)
    await eachOf([tab, other], async (page) => {
      await page.shows({ status: 'ready', isAnswering: false })
      await page.says(['Hello', 'One two'])
    })
    expect(await tab.page.evaluate('chat.stop()')).toBe('idle')
    await tab.reload()
    await expectSays([tab], ['Hello', 'One two'])
  })

  test('a reload in the middle of an answer goes on with it', async () => {
    const tab = await open()
    await tab.send('Hello')
    script('Hello').say('One', ' two')
    await expectSays([tab], ['Hello', 'One two'])
    await tab.reload()
    await expectSays([tab], ['Hello', 'One two'])
    await expectShows([tab], { status: 'streaming' })
    script('Hello').say(' three.')
    script('Hello').end()
    await expectShows([tab], { status: 'ready' })
    await expectSays([tab], ['Hello', 'One two three.'])
  })

  test('a component that is unmounted and comes back has the answer whole and once', async () => {
    const tab = await open()
    await tab.send('Hello')
    script('Hello').say('One', ' two')
    await expectSays([tab], ['Hello', 'One two'])
    await tab.does('mount(false)')
    await tab.page.waitForSelector('#chat', { state: 'detached' })
    script('Hello').say(' three')
    await tab.forget()
    await tab.does('mount(true)')
    await expectSays([tab], ['Hello', 'One two three'])
    script('Hello').say('.')
    script('Hello').end()
    await expectShows([tab], { status: 'ready' })
    await expectSays([tab], ['Hello', 'One two three.'])
  })

  test('what is sent meanwhile waits in all tabs, can be taken back in any, and survives a reload', async () => {
    const [tab, other] = await Promise.all([open(), open()])
    await tab.send('Hello')
    script('Hello').say('One')
    await expectSays([other], ['Hello', 'One'])
    await tab.send('Second')
    await expectSays([tab], ['Hello', 'One'], ['Second'])
    await other.send('Third')
    await expectSays([tab, other], ['Hello', 'One'], ['Second', 'Third'])
    await tab.reload()
    await expectSays([tab], ['Hello', 'One'], ['Second', 'Third'])
    await tab.does('chat.takeBack(chat.queue[1].id)')
    await expectSays([tab, other], ['Hello', 'One'], ['Second'])
    script('Hello').end()
    script('Second').say('Two')
    await eachOf([tab, other], async (page) => {
      await page.says(['Hello', 'One', 'Second', 'Two'])
      await page.shows({ status: 'streaming', queue: [] })
    })
    script('Second').end()
    await expectShows([tab, other], { status: 'ready' })
  })

  test('two tabs that send at once are answered one after the other', async () => {
    const [tab, other] = await Promise.all([open(), open()])
    await expectShows([tab, other], { isLoading: false })
    await Promise.all([tab.send('Left'), other.send('Right')])
    for (const question of ['Left', 'Right']) {
      script(question).say(`${question}!`)
      script(question).end()
    }
    const done = { status: 'ready', messages: [{}, {}, {}, {}], queue: [] }
    await expectShows([tab, other], done)
    const [first, ...rest] = (await tab.shown()).messages.map(({ text }) => text)
    const order = first === 'Left' ? ['Left!', 'Right', 'Right!'] : ['Right!', 'Left', 'Left!']
    expect(rest).toEqual(order)
    await expectSays([other], [first ?? '', ...order])
  })

  test('an edit and another answer are branches, which every tab shows and switches', async () => {
    const [tab, other] = await Promise.all([open(), open()])
    const both = (look: (page: LivePage) => Promise<void>) => eachOf([tab, other], look)
    const answered = async (question: string, text: string) => {
      script(question).say(text)
      script(question).end()
      await expectShows([tab, other], { status: 'ready', messages: [{ text: question }, { text }] })
    }
    await tab.send('Hello')
    await answered('Hello', 'One.')
    await other.does("chat.edit(chat.messages[0].id, { text: 'Hi' })")
    await answered('Hi', 'Two.')
    const second = { messages: [{ branches: { index: 1, count: 2 } }, { text: 'Two.' }] }
    await expectShows([tab, other], second)
    await tab.does('chat.branches(chat.messages[0].id).previous()')
    await expectSays([tab, other], ['Hello', 'One.'])
    await other.does('chat.branches(chat.messages[0].id).next()')
    await expectSays([tab, other], ['Hi', 'Two.'])
    await both((page) => page.forget())
    scripts.clear()
    await tab.does('chat.regenerate()')
    await answered('Hi', 'Three.')
    const third = { messages: [{}, { text: 'Three.', branches: { index: 1, count: 2 } }] }
    await expectShows([tab, other], third)
    await other.does('chat.branches(chat.messages[1].id).previous()')
    await expectSays([tab, other], ['Hi', 'Two.'])
    await both((page) => page.forget())
  })

  test('an edit stops the answer that is being written, and stands at once', async () => {
    const [tab, other] = await Promise.all([open(), open()])
    await tab.send('Hello')
    script('Hello').say('One')
    await expectSays([tab, other], ['Hello', 'One'])
    await tab.does("chat.edit(chat.messages[0].id, { text: 'Hi' })")
    await expectSays([tab], ['Hi'])
    script('Hi').say('Two')
    await expectSays([tab, other], ['Hi', 'Two'])
    expect(script('Hello').aborted).toBe(true)
    script('Hi').end()
    await expectShows([tab, other], { status: 'ready' })
    await eachOf([tab, other], (page) => page.forget())
    await tab.does('chat.branches(chat.messages[0].id).previous()')
    await expectSays([tab, other], ['Hello', 'One'])
  })

  test('a chat that is deleted in another tab is gone, and its answer stops', async () => {
    const [tab, other] = await Promise.all([open(), open()])
    await tab.send('Hello')
    script('Hello').say('One')
    await expectSays([tab, other], ['Hello', 'One'])
    await other.does("client.delete('c1')")
    await eachOf([tab, other], async (page) => {
      await page.shows({ exists: false, status: 'ready', messages: [] })
      expect((await page.shown()).error).toBeUndefined()
    })
    await expect.poll(() => script('Hello').aborted).toBe(true)
  })
})

function file(body: string, type: string) {
  return () => new Response(body, { headers: { 'content-type': type } })
}
