/** Pages of `pages/live-chat.ts` in Chromium, and what their renderings must never have shown. */
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { expect } from 'vitest'

export interface ShownChat {
  readonly status: string
  readonly error?: string
  readonly isLoading: boolean
  readonly exists: boolean
  readonly isAnswering: boolean
  readonly title?: string
  readonly connection: string
  readonly messages: readonly {
    readonly id: string
    readonly role: string
    readonly text: string
    readonly tools: readonly string[]
    readonly branches?: { readonly index: number; readonly count: number }
  }[]
  readonly queue: readonly { readonly text: string; readonly status: string; readonly error?: string }[]
}

interface Rendering {
  readonly chat: string
  readonly at: number
  readonly status: string
  readonly messages: readonly (readonly [id: string, text: string])[]
  readonly queue: readonly string[]
}

export class LivePage {
  readonly page: Page
  readonly complaints: string[] = []

  private constructor(page: Page) {
    this.page = page
    page.on('pageerror', (error) => this.complaints.push(String(error)))
  }

  static async open(browser: Browser | BrowserContext, url: string): Promise<LivePage> {
    const page = new LivePage(await browser.newPage())
    await page.page.goto(url)
    await page.page.waitForSelector('#chat', { state: 'attached' })
    return page
  }

  async reload(): Promise<void> {
    await this.page.reload()
    await this.page.waitForSelector('#chat', { state: 'attached' })
  }

  async shown(): Promise<ShownChat> {
    return JSON.parse((await this.page.textContent('#chat')) ?? '') as ShownChat
  }

  /** Waits until the page shows this. */
  async shows(what: object): Promise<void> {
    await expect.poll(() => this.shown(), { timeout: 15_000, interval: 10 }).toMatchObject(what)
  }

  /** Waits until the texts of its messages, and of what waits, are these. */
  async says(texts: readonly string[], waiting: readonly string[] = []): Promise<void> {
    await expect
      .poll(
        async () => {
          const { messages, queue } = await this.shown()
          return [messages.map(({ text }) => text), queue.map(({ text }) => text)]
        },
        { timeout: 15_000, interval: 10 },
      )
      .toEqual([texts, waiting])
  }

  async list(): Promise<readonly { readonly id: string; readonly title?: string }[]> {
    const shown = JSON.parse((await this.page.textContent('#list')) ?? '') as {
      chats: readonly { readonly id: string; readonly title?: string }[]
    }
    return shown.chats
  }

  /** Runs code of the page, whose hook is `chat`, and awaits nothing of it. */
  async does(code: string): Promise<void> {
    await this.page.evaluate(`void ${code}`)
  }

  async send(text: string): Promise<void> {
    await this.does(`chat.sendMessage({ text: ${JSON.stringify(text)} })`)
  }

  async renderings(): Promise<readonly Rendering[]> {
    return await this.page.evaluate<readonly Rendering[]>('renderings')
  }

  /**
   * What must never be seen in a row of renderings: a message that is there twice, one that is gone and comes back, one
   * that loses text. Those of the branches that a test leaves and comes back to are let go by `forget`.
   */
  async faults(): Promise<string[]> {
    const faults: string[] = []
    const gone = new Set<string>()
    let before: Rendering | undefined
    for (const rendering of await this.renderings()) {
      if (before?.chat !== rendering.chat) {
        before = undefined
        gone.clear()
      }
      const ids = [...rendering.messages.map(([id]) => id), ...rendering.queue]
      if (new Set(ids).size < ids.length) faults.push(`twice: ${ids.join(' ')}`)
      const texts = new Map(rendering.messages)
      for (const [id, text] of before?.messages ?? []) {
        const now = texts.get(id)
        if (now !== undefined && !now.startsWith(text)) faults.push(`'${text}' became '${now}'`)
      }
      const was = before ? [...before.messages.map(([id]) => id), ...before.queue] : []
      for (const id of was) if (!ids.includes(id)) gone.add(id)
      for (const id of ids) if (gone.has(id)) faults.push(`${id} was gone, and came back`)
      before = rendering
    }
    return faults
  }

  async forget(): Promise<void> {
    await this.page.evaluate('renderings.length = 0')
  }
}
