/** A tab of Chromium with stock `useChat`: what it shows, and what its user does. */
import type { UIMessage } from 'ai'
import type { Page } from 'playwright-core'
import { textOf } from '../../endpoints/chat/chat-server.ts'

export interface Shown {
  readonly status: string
  readonly error?: string
  readonly statuses: readonly string[]
  readonly messages: readonly UIMessage[]
}

export class ChatTab {
  readonly page: Page

  constructor(page: Page) {
    this.page = page
  }

  async load(url: string): Promise<void> {
    await this.page.goto(url)
    await this.page.waitForSelector('output')
  }

  async reload(): Promise<void> {
    await this.page.reload()
    await this.page.waitForSelector('output')
  }

  async shown(): Promise<Shown> {
    return JSON.parse((await this.page.textContent('output')) ?? '') as Shown
  }

  readonly status = async (): Promise<string> => (await this.shown()).status
  /** Of each message. */
  readonly texts = async (): Promise<string[]> => (await this.shown()).messages.map(textOf)
  /** Of the last one. */
  readonly text = async (): Promise<string> => textOf((await this.shown()).messages.at(-1))

  /** Calls a method of what `useChat` returned, and does not wait for it. */
  call(method: string, argument: object = {}): Promise<void> {
    return this.page.evaluate(`void chat.${method}(${JSON.stringify(argument)})`)
  }

  send(text: string): Promise<void> {
    return this.call('sendMessage', { text })
  }

  /** Takes the component away, or brings it back. */
  mount(isMounted: boolean): Promise<void> {
    return this.page.evaluate(`mount(${isMounted})`)
  }

  /** What a browser says when somebody looks at the tab again. */
  see(): Promise<void> {
    return this.page.evaluate("void document.dispatchEvent(new Event('visibilitychange'))")
  }
}
