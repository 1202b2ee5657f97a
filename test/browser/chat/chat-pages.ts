/** Tabs with stock `useChat` of @ai-sdk/react in Chromium, over the transports as published, and a real server. */
import type { Browser } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest'
import type { AnswerSource } from '../../../src/ai-sdk.ts'
import { memory } from '../../../src/index.ts'
import { bundle } from '../../client/bundle.ts'
import {
  type ChatServer,
  type ChatServerOptions,
  type Stock,
  Script,
  startChats,
} from '../../endpoints/chat/chat-server.ts'
import { pageRoutes } from '../../endpoints/chat/page-routes.ts'
import { launchBrowser } from '../../support/browser.ts'
import { describeWith } from '../../support/services.ts'
import { ChatTab } from './chat-tab.ts'

/** Pages take their time to load: CI has a few of these tests, and `npm run test:transports` all. */
export const isLong: boolean = process.env['MILLRACE_LONG'] !== undefined

/** One of the stock transports, or that of our own. */
type Shown = Stock | 'MillraceChatTransport'

export class ChatPages {
  /** What the tabs run. */
  script = ''
  browser!: Browser
  server!: ChatServer
  #turns: Script[] = []

  /** Starts the server anew; the first one is there before each test. */
  async start(options: Partial<ChatServerOptions> = {}): Promise<ChatServer> {
    await this.stop()
    this.#turns = []
    let turns = 0
    const source: AnswerSource = (request) => this.turn(turns++).source(request)
    const routes = pageRoutes(this.script, () => this.server.chats)
    this.server = await startChats({ source, store: memory(), routes, ...options })
    return this.server
  }

  /** An answer of the server, counted from 0. What it says before it is asked for is said then. */
  turn(index: number): Script {
    return (this.#turns[index] ??= new Script())
  }

  /** The first answer. */
  get answer(): Script {
    return this.turn(0)
  }

  async stop(): Promise<void> {
    await (this.server as ChatServer | undefined)?.[Symbol.asyncDispose]()
  }

  /** @param more parameters of the address, see `pages/chat.ts`. */
  async open(transport: Shown, more = '', origin = this.server.server.url('')): Promise<ChatTab> {
    const tab = new ChatTab(await this.browser.newPage())
    await tab.load(`${origin}/?transport=${transport}${more}`)
    return tab
  }

  /** A tab that has half of its answer. */
  async begin(transport: Shown, more = '', origin?: string): Promise<ChatTab> {
    const tab = await this.open(transport, more, origin)
    await tab.send('Hello')
    this.answer.say('One', ' two')
    await expect.poll(tab.text).toBe('One two')
    return tab
  }

  finish(): void {
    this.answer.say(' three.')
    this.answer.end()
  }

  /** Waits until a tab is ready with the conversation as the server keeps it; the texts of each message. */
  async whole(tab: ChatTab): Promise<string[]> {
    await expect.poll(tab.status).toBe('ready')
    const { messages } = await tab.shown()
    const kept = async () => (await this.server.chats.get('c1'))?.messages.map(({ message }) => message)
    await expect.poll(kept).toEqual(messages)
    // A part that is there twice would show.
    return messages.map(({ parts }) =>
      parts.map((part) => (part.type === 'text' ? part.text : '-')).join('|'),
    )
  }
}

/** Tests with a browser of their own, and a server of each test's own. */
export function describePages(title: string, body: (pages: ChatPages) => void): void {
  describeWith(['chromium'], title, ({ chromium }) => {
    const pages = new ChatPages()

    beforeAll(async () => {
      pages.browser = await launchBrowser(chromium)
      pages.script = await bundle('test/browser/pages/chat.ts', { mode: 'development' })
    })

    afterAll(() => pages.browser.close())

    beforeEach(() => pages.start())

    afterEach(async () => {
      for (const context of pages.browser.contexts()) await context.close()
      await pages.stop()
    })

    body(pages)
  })
}
