/** The page `/chat` of the demo in Chromium, whose answers a test dictates. */
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core'
import { chat } from '../../src/ai-sdk.ts'
import { createDemoApplication } from '../../src/demo/application.ts'
import { guestOf } from '../../src/demo/guests.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import type { Application } from '../../src/server/application.ts'
import { Script } from '../endpoints/chat/chat-server.ts'
import { complaintsOf, launchBrowser } from '../support/browser.ts'

type ContextOptions = Parameters<Browser['newContext']>[0]

export class ChatPage {
  readonly browser: Browser
  readonly url: string
  readonly #application: Application
  /** What the next answers say. */
  script = new Script()
  context!: BrowserContext
  page!: Page
  complaints: string[] = []

  private constructor(browser: Browser, application: Application, url: string) {
    this.browser = browser
    this.#application = application
    this.url = url
  }

  static async start(chromium: string): Promise<ChatPage> {
    const browser = await launchBrowser(chromium)
    const stream = (request: Parameters<Script['source']>[0]) => started.script.source(request)
    const application = createDemoApplication({
      logger: silentLogger,
      environment: {},
      chat: () => chat('/api/chat', { stream, authenticate: guestOf, whileBusy: 'queue' }),
    })
    const started = new ChatPage(browser, application, (await application.listen({ port: 0 })).url)
    return started
  }

  /** Opens the page as a new guest. */
  async open(options: ContextOptions = {}): Promise<void> {
    this.context = await this.browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
    this.page = await this.context.newPage()
    this.complaints = complaintsOf(this.page)
    await this.page.goto(`${this.url}/chat`)
    await this.page.waitForSelector('.welcome')
  }

  async ask(text: string): Promise<void> {
    await this.page.fill('#message', text)
    await this.page.press('#message', 'Enter')
  }

  /** The last answer. */
  answer(): Locator {
    return this.page.locator('.message[data-role=assistant]').last()
  }

  /** Asks, and has a whole answer of this text. */
  async answered(text: string, question = 'Hello'): Promise<void> {
    await this.ask(question)
    this.script.say(...(text.match(/[\s\S]{1,4000}/g) ?? []))
    this.script.end()
    await this.answer().locator('.message-tools').waitFor()
  }

  async leave(): Promise<void> {
    this.script.end()
    this.script = new Script()
    await this.context.close()
  }

  async close(): Promise<void> {
    await this.browser.close()
    await this.#application.close()
  }
}
