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
    script('More').say('Four')
    // An answer that is over before a tab reads it is in its log, and nothing that the tab finishes.
    await eachOf([tab, other, idle], async (page) => {
      await page.says(['Hello', 'One two three.', 'More', 'Four'])
    })
    script('More').say('.')
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
    await tab.send('Again')
    script('Again').say('Two')
    script('Again').end()
    await expectSays([tab, other], ['Again', 'Two'])
    await expectShows([tab, other], { exists: true, status: 'ready' })
  })

  test('the list shows at once what is created, renamed and deleted elsewhere', async () => {
    const [tab, other] = await Promise.all([open('&list'), open('&list')])
    const both = (look: (page: LivePage) => Promise<void>) => eachOf([tab, other], look)
    const lists = (what: readonly object[]) =>
      both((page) => expect.poll(() => page.list(), { timeout: 15_000 }).toMatchObject(what))
    await lists([])
    await tab.send('Hello')
    script('Hello').end()
    await lists([{ id: 'c1' }])
    await other.does("list.rename('c1', 'Greetings')")
    await lists([{ id: 'c1', title: 'Greetings' }])
    await expectShows([tab, other], { title: 'Greetings' })
    await tab.does(
      "client.send('c2', { message: { id: 'm', role: 'user', parts: [{ type: 'text', text: 'Two' }] } })",
    )
    await lists([{ id: 'c2' }, { id: 'c1' }])
    await other.does("list.remove('c1')")
    await lists([{ id: 'c2' }])
    await expectShows([tab, other], { exists: false })
  })

  test('a message that stops the answer in progress stands behind it at once', async () => {
    const [tab, other] = await Promise.all([open(), open()])
    await tab.send('Hello')
    script('Hello').say('One')
    await expectSays([tab, other], ['Hello', 'One'])
    await other.does("chat.sendMessage({ text: 'Wait' }, { whileBusy: 'replace' })")
    await expectSays([other], ['Hello', 'One', 'Wait'])
    script('Wait').say('Two')
    await expectSays([tab, other], ['Hello', 'One', 'Wait', 'Two'])
    expect(script('Hello').aborted).toBe(true)
    script('Wait').end()
    await expectShows([tab, other], { status: 'ready', queue: [] })
  })

  test('an answer that fails is an error in every tab, after a reload too, until it is asked for again', async () => {
    const [tab, other] = await Promise.all([open(), open()])
    const failed = { status: 'error', error: 'No more today.', messages: [{}, { text: 'One' }] }
    await tab.send('Hello')
    script('Hello').say('One')
    await expectSays([tab, other], ['Hello', 'One'])
    script('Hello').give({ type: 'error', errorText: 'No more today.' })
    await expectShows([tab, other], failed)
    await other.reload()
    await expectShows([other], failed)
    await other.does('chat.clearError()')
    await expectShows([other], { status: 'ready' })
    script('Hello').end()
    await other.does('chat.regenerate()')
    await expectShows([tab, other], { status: 'streaming', messages: [{}] })
    script('Hello').say('Two')
    script('Hello').end()
    await expectSays([tab, other], ['Hello', 'Two'])
    await expectShows([tab, other], { status: 'ready' })
  })

  test('what the server refuses stays with its reason, to be sent again or taken back', async () => {
    const [tab, other] = await Promise.all([open(), open()])
    await tab.does("chat.sendMessage({ parts: [{ type: 'text', text: 'Odd' }, { type: 'odd' }] })")
    await expectShows([tab], { status: 'error', messages: [{ text: 'Odd' }] })
    await other.send('Hello')
    script('Hello').say('One')
    await expectSays([other], ['Hello', 'One'])
    await expectSays([tab], ['Hello', 'One', 'Odd'])
    await tab.does("chat.sendMessage({ text: 'Now' }, { whileBusy: 'refuse' })")
    await expectShows([tab], { status: 'streaming', queue: [{ text: 'Now', status: 'refused' }] })
    await tab.does('chat.takeBack(chat.queue[0].id)')
    await expectShows([tab], { queue: [] })
    script('Hello').end()
    await expectShows([tab, other], { status: 'ready' })
    await tab.send('Then')
    script('Then').end()
    await expectSays([tab, other], ['Hello', 'One', 'Then', ''])
    await expectShows([tab, other], { status: 'ready' })
  })

  test('a tool call is approved in a tab that did not ask, and the answer goes on in all', async () => {
    const [tab, other, idle] = await Promise.all([open(), open(), open()])
    const all = [tab, other, idle]
    const call = { toolCallId: 't1', toolName: 'weather', input: { city: 'Delft' } }
    await tab.send('Weather')
    script('Weather').say('Let me see. ')
    script('Weather').give(
      { type: 'tool-input-available', ...call },
      { type: 'tool-approval-request', approvalId: 'a1', toolCallId: 't1' },
    )
    script('Weather').end()
    const asked = { text: 'Let me see. ', tools: ['approval-requested'] }
    await expectShows(all, { status: 'ready', messages: [{}, asked] })
    const first = script('Weather')
    await other.does("chat.addToolApprovalResponse({ id: 'a1', approved: true })")
    await expect.poll(() => script('Weather')).not.toBe(first)
    await expectShows(all, {
      status: /submitted|streaming/,
      messages: [{}, { tools: ['approval-responded'] }],
    })
    script('Weather').give({ type: 'tool-output-available', toolCallId: 't1', output: 'sunny' })
    script('Weather').say('It is sunny.')
    await expectShows(all, {
      status: 'streaming',
      messages: [{}, { text: 'Let me see. It is sunny.', tools: ['output-available'] }],
    })
    await idle.reload()
    await expectShows([idle], {
      messages: [{}, { text: 'Let me see. It is sunny.', tools: ['output-available'] }],
    })
    script('Weather').end()
    await expectShows(all, { status: 'ready' })
    // What was approved is no other answer; one that is asked for is.
    const { messages } = await other.shown()
    expect(messages.map(({ branches }) => branches)).toEqual([undefined, undefined])
    const approved = script('Weather')
    await other.does('chat.regenerate()')
    await expect.poll(() => script('Weather')).not.toBe(approved)
    script('Weather').say('Ask again tomorrow.')
    script('Weather').end()
    const two = {
      status: 'ready',
      messages: [{}, { text: 'Ask again tomorrow.', branches: { index: 1, count: 2 } }],
    }
    await expectShows(all, two)
    await eachOf(all, (page) => page.forget())
    await tab.does('chat.branches(chat.messages[1].id).previous()')
    await expectShows(all, {
      messages: [{}, { text: 'Let me see. It is sunny.', branches: { index: 0, count: 2 } }],
    })
  })

  test('a tool of the page runs in the tab that asked, and its output is sent once', async () => {
    const [tab, other] = await Promise.all([open(), open()])
    await tab.send('Where')
    const first = script('Where')
    first.give({ type: 'tool-input-available', toolCallId: 't1', toolName: 'local', input: {} })
    first.end()
    await expect.poll(() => script('Where')).not.toBe(first)
    script('Where').say('Here.')
    script('Where').end()
    const whole = { text: 'Here.', tools: ['output-available'] }
    await expectShows([tab, other], { status: 'ready', messages: [{}, whole] })
    expect(await tab.page.evaluate('toolCalls')).toEqual(['t1'])
    expect(await other.page.evaluate('toolCalls')).toEqual([])
    expect((await server.chats.get('c1', { owner: 'ann' }))?.queue).toEqual([])
  })

  test('a page turns from chat to chat, and an answer goes on in the one that it left', async () => {
    const tab = await open()
    await tab.send('Hello')
    script('Hello').say('One')
    await expectSays([tab], ['Hello', 'One'])
    await tab.does("show('c2')")
    await expectShows([tab], {
      id: 'c2',
      isLoading: false,
      exists: false,
      status: 'ready',
      messages: { length: 0 },
    })
    await tab.send('Other')
    script('Other').say('Two')
    await expectSays([tab], ['Other', 'Two'])
    script('Hello').say(' more')
    await tab.does("show('c1')")
    await expectSays([tab], ['Hello', 'One more'])
    script('Hello').end()
    script('Other').end()
    await expectShows([tab], { id: 'c1', status: 'ready' })
  })

  test('many tokens are few renderings', async () => {
    const tab = await open()
    await tab.send('Count')
    script('Count').say('0')
    await expectSays([tab], ['Count', '0'])
    await tab.forget()
    const began = Date.now()
    for (let token = 1; token < 2000; token++) {
      script('Count').say(` ${token}`)
      if (token % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    script('Count').end()
    await expectShows([tab], { status: 'ready' })
    expect((await tab.shown()).messages.at(-1)?.text).toHaveLength(8889)
    const frames = (Date.now() - began) / 16
    const renderings = await tab.renderings()
    expect(renderings.length).toBeLessThanOrEqual(frames)
    expect(renderings.length).toBeGreaterThan(5)
  })
})

function file(body: string, type: string) {
  return () => new Response(body, { headers: { 'content-type': type } })
}
