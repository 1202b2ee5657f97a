/** `useLiveChat` in Chromium where the server dies, and where the network goes away. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { bundle } from '../client/bundle.ts'
import { launchBrowser } from '../support/browser.ts'
import { describeWith } from '../support/services.ts'
import { TcpBalancer } from '../support/tcp-balancer.ts'
import { LivePage } from './live-pages.ts'

const isLong = process.env['MILLRACE_LONG'] !== undefined

describeWith(['chromium'], 'useLiveChat where something is lost', ({ chromium }) => {
  let browser: Browser
  let context: BrowserContext
  let folder: string
  let server: ChildProcess
  let way: TcpBalancer
  /** The port of the server; none while the network is away. */
  let open: number[]
  let pages: LivePage[]

  beforeAll(async () => {
    browser = await launchBrowser(chromium)
    folder = await mkdtemp(join(tmpdir(), 'live-chat-'))
    const code = await bundle('test/browser/pages/live-chat.ts', { mode: 'development' })
    await writeFile(join(folder, 'page.js'), code)
  })

  afterAll(async () => {
    await browser.close()
    await rm(folder, { recursive: true, force: true })
  })

  const start = async () => {
    const paths = [join(folder, 'data', 'chats.db'), join(folder, 'page.js')]
    server = fork('test/browser/live-chat-process.ts', paths, { execArgv: ['--conditions=millrace:source'] })
    const [port] = (await once(server, 'message')) as [number]
    open = [port]
  }

  const kill = async () => {
    open = []
    if (server.exitCode !== null || server.signalCode !== null) return
    const gone = once(server, 'exit')
    server.kill('SIGKILL')
    await gone
  }

  beforeEach(async () => {
    await rm(join(folder, 'data'), { recursive: true, force: true })
    await mkdir(join(folder, 'data'))
    pages = []
    open = []
    way = await TcpBalancer.start({ backends: () => open })
    context = await browser.newContext()
    await start()
  })

  afterEach(async () => {
    const faults = await Promise.all(pages.map((page) => page.faults()))
    await context.close()
    await kill()
    await way.close()
    expect(faults.flat()).toEqual([])
  })

  const tab = async (query = '') => {
    const page = await LivePage.open(context, `http://127.0.0.1:${way.port}/?chat=c1${query}`)
    pages.push(page)
    return page
  }
  const cutAll = () => {
    for (let index = 0; index < way.connections; index++) way.cut(index)
  }
  const expectShows = (all: readonly LivePage[], what: object) =>
    Promise.all(all.map((page) => page.shows(what)))
  const answer = (length: number) => Array.from({ length }, (_, word) => `${word} `).join('')
  /** No rendering was an error, and none was ready with half an answer. */
  const expectCalm = async (all: readonly LivePage[]) => {
    for (const page of all) {
      const seen = (await page.renderings()).filter(({ messages }) => messages.length > 1)
      expect(seen.filter(({ status }) => status === 'error')).toEqual([])
      const ready = seen
        .filter(({ status }) => status === 'ready')
        .map(({ messages }) => messages.at(-1)?.[1])
      expect(new Set(ready)).toEqual(new Set([answer(12)]))
    }
  }
  const begun = { status: 'streaming', messages: [{}, { text: answer(3) }] }
  const whole = {
    status: 'ready',
    connection: 'connected',
    messages: [{ text: 'Count' }, { text: answer(12) }],
  }

  test('a server that is killed in the middle of an answer and comes back is no error, and the text is whole', async () => {
    const [one, other] = await Promise.all([tab(), tab()])
    await one.send('Count')
    await expectShows([one, other], begun)
    await kill()
    await expectShows([one, other], { connection: 'reconnecting', status: 'streaming' })
    await start()
    await expectShows([one, other], whole)
    await expectCalm([one, other])
  })

  test('an answer that nobody can go on with ends as a failure in all tabs, with what there is', async () => {
    const [one, other] = await Promise.all([tab('&api=/api/short'), tab('&api=/api/short')])
    await one.send('One, and on')
    await expectShows([one, other], { status: 'streaming', messages: [{}, { text: 'One two' }] })
    await kill()
    await start()
    const failed = {
      status: 'error',
      error: expect.stringContaining('interrupted') as string,
      isAnswering: false,
    }
    await expectShows([one, other], { ...failed, messages: [{}, { text: 'One two' }] })
    await one.does("chat.edit(chat.messages[0].id, { text: 'One' })")
    await expectShows([one, other], { status: 'ready', messages: [{ text: 'One' }, { text: 'One two' }] })
  })

  test('a network that goes away shows in the connection alone', async () => {
    const [one, other] = await Promise.all([tab(), tab()])
    await one.send('Count')
    await expectShows([one, other], begun)
    const port = open
    open = []
    await context.setOffline(true)
    cutAll()
    await expectShows([one, other], { connection: 'reconnecting' })
    server.send('go on')
    if (isLong) await sleep(10_000)
    open = port
    await context.setOffline(false)
    await expectShows([one, other], whole)
    await expectCalm([one, other])
  })

  test('a message that is sent while the network is away is kept when it is back', async () => {
    const [one, other] = await Promise.all([tab(), tab()])
    await expectShows([one, other], { isLoading: false })
    const port = open
    open = []
    cutAll()
    await one.send('Count')
    await expectShows([one], { status: 'submitted', messages: [{ text: 'Count' }] })
    await expectShows([one], { connection: 'reconnecting' })
    server.send('go on')
    open = port
    await expectShows([one, other], whole)
    await expectCalm([one, other])
  })
})
