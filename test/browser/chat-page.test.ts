/** The page `/chat` of the demo in Chromium. */
import axe from 'axe-core'
import type { UIMessageChunk } from 'ai'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { chat } from '../../src/ai-sdk.ts'
import { createDemoApplication } from '../../src/demo/application.ts'
import { guestOf } from '../../src/demo/guests.ts'
import type { Application } from '../../src/server/application.ts'
import { Script } from '../endpoints/chat/chat-server.ts'
import { complaintsOf, launchBrowser } from '../support/browser.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { describeWith } from '../support/services.ts'

const isLong = process.env['MILLRACE_LONG'] !== undefined

describeWith(['chromium'], 'the page of the chat in Chromium', ({ chromium }) => {
  let browser: Browser
  let application: Application
  let url: string
  let script: Script
  let context: BrowserContext
  let page: Page
  let complaints: string[]

  beforeAll(async () => {
    browser = await launchBrowser(chromium)
    const stream = (request: Parameters<Script['source']>[0]) => script.source(request)
    application = createDemoApplication({
      logger: silentLogger,
      environment: {},
      chat: () => chat('/api/chat', { stream, authenticate: guestOf, whileBusy: 'queue' }),
    })
    url = (await application.listen({ port: 0 })).url
  })

  afterAll(async () => {
    await browser.close()
    await application.close()
  })

  const open = async (options: Parameters<Browser['newContext']>[0] = {}) => {
    context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options })
    page = await context.newPage()
    complaints = complaintsOf(page)
    await page.goto(`${url}/chat`)
    await page.waitForSelector('.welcome')
  }

  beforeEach(() => {
    script = new Script()
  })

  afterEach(async () => {
    script.end()
    await context.close()
  })

  const ask = async (text: string) => {
    await page.fill('#message', text)
    await page.press('#message', 'Enter')
  }
  const answer = () => page.locator('.message[data-role=assistant]').last()
  /** A whole answer of this text. */
  const answered = async (text: string, question = 'Hello') => {
    await ask(question)
    script.say(...(text.match(/[\s\S]{1,4000}/g) ?? []))
    script.end()
    await answer().locator('.message-tools').waitFor()
  }

  test('a question is answered in Markdown, and both are there after a reload', async () => {
    await open()
    await answered('# Title\n\nSome **bold** words.\n\n```ts\nconst a = 1\n```\n')
    await expect.poll(() => answer().locator('strong').textContent()).toBe('bold')
    await expect.poll(() => answer().locator('[data-token=keyword]').textContent()).toBe('const')
    expect(page.url()).toMatch(/\/chat#[0-9a-f]{32}$/)
    await page.reload()
    await expect.poll(() => answer().locator('h3').textContent()).toBe('Title')
    expect(await page.locator('.message[data-role=user] .bubble').textContent()).toBe('Hello')
    expect(complaints).toEqual([])
  })

  test('an answer that is being written goes on after a reload, and Stop ends it', async () => {
    await open()
    await ask('Hello')
    script.say('One', ' two')
    await expect.poll(() => answer().textContent()).toContain('One two')
    await page.reload()
    await expect.poll(() => answer().textContent()).toContain('One two')
    await page.getByRole('button', { name: 'Stop' }).click()
    await expect.poll(() => script.aborted).toBe(true)
    await answer().locator('.message-tools').waitFor()
  })

  test('the chat is in the list under its question, is renamed and deleted there', async () => {
    await open()
    await answered('Yes.', 'Is it so?')
    const row = page.locator('.chat-row')
    await expect.poll(() => row.locator('a').textContent()).toBe('Is it so?')
    await page.getByRole('button', { name: 'Rename Is it so?' }).click()
    await page.getByRole('textbox', { name: 'Title of the chat' }).fill('Questions')
    await page.keyboard.press('Enter')
    await expect.poll(() => row.locator('a').textContent()).toBe('Questions')
    await page.getByRole('button', { name: 'Delete Questions' }).click()
    await page.getByRole('button', { name: 'Delete', exact: true }).click()
    await expect.poll(() => row.count()).toBe(0)
    await page.waitForSelector('.welcome')
  })

  test('a failure is said in its place, and can be tried again', async () => {
    await open()
    await ask('Hello')
    script.say('One')
    script.give({ type: 'error', errorText: 'The model is out.' })
    await expect.poll(() => page.locator('.note.error').textContent()).toContain('The model is out.')
    script = new Script()
    await page.getByRole('button', { name: 'Try again' }).click()
    script.say('Two')
    script.end()
    await expect.poll(() => answer().textContent()).toContain('Two')
    expect(await page.locator('.note.error').count()).toBe(0)
  })

  test('another tab of the guest shows question and answer as they come, and stops it', async () => {
    await open()
    await answered('Yes.')
    const other = await context.newPage()
    await other.goto(page.url())
    await other.locator('.message[data-role=assistant]').waitFor()
    script = new Script()
    await ask('More?')
    await expect.poll(() => other.locator('.bubble').last().textContent()).toBe('More?')
    script.say('One two')
    await expect.poll(() => other.locator('.message[data-role=assistant]').count()).toBe(2)
    await other.getByRole('button', { name: 'Stop' }).click()
    await expect.poll(() => script.aborted).toBe(true)
    await expect.poll(() => page.getByRole('button', { name: 'Stop' }).count()).toBe(0)
    expect(await answer().textContent()).toContain('One two')
    await expect.poll(() => answer().locator('.ended').textContent()).toBe('Stopped here.')
  })

  test('what is sent meanwhile waits, and is taken back into the box', async () => {
    await open()
    await ask('First')
    script.say('One')
    await answer().waitFor()
    await ask('Second')
    await expect.poll(() => page.locator('.queued').textContent()).toBe('Second')
    await page.getByRole('button', { name: 'Take back' }).click()
    await expect.poll(() => page.locator('.queue').count()).toBe(0)
    expect(await page.inputValue('#message')).toBe('Second')
    script.end()
    await answer().locator('.message-tools').waitFor()
    expect(await page.locator('.bubble').allTextContents()).toEqual(['First'])
  })

  test('an edit and another answer are branches, between which one goes', async () => {
    await open()
    await answered('One.', 'First')
    script = new Script()
    await page.getByRole('button', { name: 'Edit' }).click()
    await page.locator('.editor textarea').fill('Second')
    await page.keyboard.press('Enter')
    script.say('Two.')
    script.end()
    await expect.poll(() => answer().locator('.markdown').textContent()).toBe('Two.')
    script = new Script()
    await page.getByRole('button', { name: 'Answer again' }).click()
    script.say('Three.')
    script.end()
    await expect.poll(() => answer().locator('.markdown').textContent()).toBe('Three.')
    await expect.poll(() => page.locator('.versions').allTextContents()).toEqual(['2/2', '2/2'])
    await page.getByRole('button', { name: 'Previous version' }).last().click()
    await expect.poll(() => answer().locator('.markdown').textContent()).toBe('Two.')
    await page.getByRole('button', { name: 'Previous version' }).first().click()
    await expect.poll(() => page.locator('.bubble').textContent()).toBe('First')
    expect(await answer().locator('.markdown').textContent()).toBe('One.')
  })

  test('a chat that another tab deletes says so', async () => {
    await open()
    await answered('Yes.', 'Is it so?')
    const other = await context.newPage()
    await other.goto(page.url())
    await other.getByRole('button', { name: 'Delete Is it so?' }).click()
    await other.getByRole('button', { name: 'Delete', exact: true }).click()
    await expect.poll(() => page.locator('.note').textContent()).toContain('This chat was deleted.')
    await page.locator('.note').getByRole('button', { name: 'New chat' }).click()
    await page.waitForSelector('.welcome')
  })

  test('without a network it says so, and shows the chat once there is one', async () => {
    await open()
    await answered('Yes.')
    let isOffline = true
    await page.route('**/api/**', (route) => (isOffline ? route.abort() : route.continue()))
    await page.routeWebSocket('**/api/**', (socket) => {
      if (isOffline) void socket.close()
      else socket.connectToServer()
    })
    await page.reload()
    await expect.poll(() => page.locator('.note.error').textContent()).toContain('cannot be reached')
    isOffline = false
    await expect.poll(() => answer().locator('.markdown').textContent()).toBe('Yes.')
    expect(await page.locator('.note.error').count()).toBe(0)
  })

  test('it works where the browser keeps nothing for it', async () => {
    context = await browser.newContext()
    await context.addInitScript(() => {
      const refuse = {
        get: () => {
          throw new Error('no storage')
        },
      }
      for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(globalThis, name, refuse)
    })
    page = await context.newPage()
    complaints = complaintsOf(page)
    await page.goto(`${url}/chat`)
    await answered('Yes.')
    expect(complaints).toEqual([])
  })

  test('a question that was not sent is there after a reload', async () => {
    await open()
    await answered('Yes.')
    await page.fill('#message', 'And then')
    await page.reload()
    await expect.poll(() => page.inputValue('#message')).toBe('And then')
  })

  test('the end stays in view until the reader scrolls up, and a button leads back to it', async () => {
    await open()
    await ask('Hello')
    const lines = (from: number) => Array.from({ length: 60 }, (_, line) => `${from + line}\n\n`)
    script.say(...lines(0))
    await expect.poll(() => answer().textContent()).toContain('59')
    const messages = page.locator('.messages')
    const fromEnd = () =>
      messages.evaluate((all: Scrolled) => all.scrollHeight - all.clientHeight - all.scrollTop)
    await expect.poll(fromEnd).toBeLessThan(3)
    await messages.evaluate((all: Scrolled) => (all.scrollTop = 100))
    await page.getByRole('button', { name: 'To the end' }).waitFor()
    script.say(...lines(60))
    await expect.poll(() => answer().textContent()).toContain('119')
    expect(await messages.evaluate((all: Scrolled) => all.scrollTop)).toBe(100)
    await page.getByRole('button', { name: 'To the end' }).click()
    await expect.poll(fromEnd).toBeLessThan(3)
    script.end()
  })

  test('whoever hears the page is told that an answer begins and ends, and not its words', async () => {
    await open()
    await ask('Hello')
    script.say('One')
    await expect.poll(() => page.locator('[role=status]').allTextContents()).toContain('The answer begins.')
    script.say(' two three')
    await expect.poll(() => answer().textContent()).toContain('three')
    expect(await page.locator('[role=status]').allTextContents()).toContain('The answer begins.')
    script.end()
    await expect
      .poll(() => page.locator('[role=status]').allTextContents())
      .toContain('The answer has ended.')
    expect(await page.locator('[aria-live=polite] .markdown, [role=log]').count()).toBe(0)
  })

  test('a tool that needs an approval is called once it has one', async () => {
    await open()
    await ask('Delete it')
    const call = { toolCallId: 't', toolName: 'remove', dynamic: true } as const
    script.give(
      { type: 'tool-input-available', ...call, input: { path: '/a' } },
      { type: 'tool-approval-request', approvalId: 'ok', toolCallId: 't' },
    )
    script.end()
    await page.getByText('May remove be called?').waitFor()
    script = new Script()
    await page.getByRole('button', { name: 'Allow', exact: true }).click()
    script.give({ type: 'tool-output-available', toolCallId: 't', output: 'gone', dynamic: true })
    script.say('Done.')
    script.end()
    await expect.poll(() => answer().textContent()).toContain('Done.')
    expect(await answer().locator('summary').textContent()).toBe('Tool remove: done')
  })

  test('an image is made smaller, shown and sent; what is none is refused in words', async () => {
    await open()
    const image = await page.screenshot()
    const files = page.locator('input[type=file]')
    await files.setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('x') })
    await expect.poll(() => page.locator('#message-hint').textContent()).toBe('notes.txt is not an image.')
    await files.setInputFiles({ name: 'page.png', mimeType: 'image/png', buffer: image })
    await page.locator('.attachments img').waitFor()
    await ask('What is this?')
    await page.locator('.message .file-image').waitFor()
    expect(await page.locator('.message .file-image').getAttribute('src')).toMatch(/^data:image\/jpeg;/)
    expect(await page.locator('.attachments').count()).toBe(0)
    script.end()
  })

  test('a long text that is pasted stands beside the box', async () => {
    await open()
    await page.locator('#message').evaluate((box: Pasted) => {
      const clipboardData = new DataTransfer()
      clipboardData.setData('text/plain', 'word '.repeat(200_000))
      box.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
    })
    await expect.poll(() => page.locator('.attachments').textContent()).toContain('1,000,000 characters')
    await ask('Shorten this')
    await page.getByRole('button', { name: /^Show all 1,000,01\d characters$/ }).waitFor()
    script.end()
  })

  test('on a phone the list is a drawer, which takes the focus and gives it back', async () => {
    await open({ viewport: { width: 390, height: 844 } })
    const list = page.getByRole('button', { name: 'Show your chats' })
    await list.click()
    await expect.poll(() => page.locator('.new-chat:focus').count()).toBe(1)
    await page.keyboard.press('Escape')
    await expect.poll(() => page.locator('.list-button:focus').count()).toBe(1)
    expect(await page.locator('.drawer[inert]').count()).toBe(1)
  })

  test('the page of the tutorial leads to the chat, and keeps its question over a reload', async () => {
    context = await browser.newContext()
    page = await context.newPage()
    await page.goto(url)
    await page.fill('#prompt', 'How many?')
    await page.press('#prompt', 'Enter')
    await expect.poll(() => page.inputValue('#openaiOutput')).toContain('Number 0')
    await page.reload()
    await expect.poll(() => page.locator('.asked').textContent()).toBe('How many?')
    await page.getByRole('link', { name: 'Chat' }).click()
    await page.waitForSelector('.welcome')
    await page.getByRole('link', { name: /tutorial/ }).click()
    await page.waitForSelector('#openaiOutput')
  })

  const HOSTILE = `<script>alert(1)</script>
<img src=x onerror=alert(1)>

[click](javascript:alert(1)) [data](data:text/html,<script>alert(1)</script>) [here](/api/chat) ![pixel](https://evil.example/pixel.png)

[good](https://example.com/path)

| a | b |
|---|---|
| 1
| 1 | 2 | 3 |

\u202eabc\u202c

\`\`\`js
access = "user\u202e" // x
\`\`\`
`

  test('a hostile answer runs nothing, loads nothing, and leads nowhere unseen', async () => {
    await open()
    const requests: string[] = []
    page.on('request', (request) => requests.push(request.url()))
    page.on('dialog', (dialog) => void dialog.dismiss())
    await answered(HOSTILE)
    expect(await answer().locator('script, img, iframe, [onerror]').count()).toBe(0)
    const links = await Promise.all(
      (await answer().locator('a').all()).map((link) => link.getAttribute('href')),
    )
    expect(links).toEqual(['https://evil.example/pixel.png', 'https://example.com/path'])
    expect(await answer().locator('a[href="https://example.com/path"]').textContent()).toContain(
      'example.com',
    )
    expect(await answer().textContent()).toContain('javascript:alert(1)')
    expect(await answer().locator('a').first().getAttribute('rel')).toContain('noopener')
    expect(await answer().locator('.direction').textContent()).toBe('U+202E')
    expect(requests.filter((one) => !one.startsWith(url))).toEqual([])
    expect(complaints).toEqual([])
  })

  describe('axe finds nothing to complain of', () => {
    test.each([
      ['light', 'light', 1280],
      ['dark', 'dark', 1280],
      ['on a phone', 'light', 390],
    ] as const)('%s', async (_, colorScheme, width) => {
      await open({ colorScheme, viewport: { width, height: 800 }, bypassCSP: true, reducedMotion: 'reduce' })
      const violations = async () => {
        await page.addScriptTag({ content: axe.source })
        const { violations: found } = await page.evaluate<axe.AxeResults>('axe.run()')
        return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`)
      }
      expect(await violations()).toEqual([])
      await ask('Hello')
      script.give(...PARTS)
      await answer().locator('.markdown').waitFor()
      expect(await violations()).toEqual([])
      script.end()
      await answer().locator('.message-tools').waitFor()
      if (width < 800) await page.getByRole('button', { name: 'Show your chats' }).click()
      expect(await violations()).toEqual([])
    })
  })

  test.runIf(isLong)('megabytes and 50,000 items are drawn, and the page answers meanwhile', async () => {
    await open()
    // An answer may be as large as a record of the store, 8 MiB.
    for (const text of ['x'.repeat(7_000_000), '- an item\n'.repeat(50_000)]) {
      script = new Script()
      await answered(text)
      await page.fill('#message', 'still here')
      expect(await page.inputValue('#message')).toBe('still here')
    }
  })
})

/** Of the page, whose types tests do not have. */
interface Scrolled {
  scrollTop: number
  readonly scrollHeight: number
  readonly clientHeight: number
}

interface Pasted {
  dispatchEvent(event: object): boolean
}

declare const DataTransfer: new () => { setData(type: string, data: string): void }
declare const ClipboardEvent: new (type: string, init: object) => object

const PARTS: UIMessageChunk[] = [
  { type: 'reasoning-start', id: 'r' },
  { type: 'reasoning-delta', id: 'r', delta: 'Hm.' },
  { type: 'reasoning-end', id: 'r' },
  { type: 'tool-input-available', toolCallId: 't', toolName: 'clock', dynamic: true, input: { zone: 'UTC' } },
  { type: 'tool-output-available', toolCallId: 't', dynamic: true, output: 'noon' },
  { type: 'source-url', sourceId: 's', url: 'https://example.com/a', title: 'A source' },
  { type: 'text-start', id: 'a' },
  {
    type: 'text-delta',
    id: 'a',
    delta:
      'Some `code`, a [link](https://example.com), **bold**.\n\n# Title\n\n> quote\n\n- [x] one\n- [ ] two\n\n' +
      '| a | b |\n|---|--:|\n| 1 | 2 |\n\n```ts\n// a comment\nconst a: string = "b"\n```\n\nThe end.',
  },
  { type: 'text-end', id: 'a' },
]
