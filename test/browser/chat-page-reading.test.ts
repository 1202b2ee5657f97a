/** What a reader of the page `/chat` gets to see and to hear, whatever a model writes. */
import axe from 'axe-core'
import type { UIMessageChunk } from 'ai'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Script } from '../endpoints/chat/chat-server.ts'
import { describeWith } from '../support/services.ts'
import { ChatPage } from './chat-page.ts'

const isLong = process.env['MILLRACE_LONG'] !== undefined

describeWith(['chromium'], 'reading the page of the chat', ({ chromium }) => {
  let on: ChatPage

  beforeAll(async () => {
    on = await ChatPage.start(chromium)
  })

  afterAll(() => on.close())

  afterEach(() => on.leave())

  test('the end stays in view until the reader scrolls up, and a button leads back to it', async () => {
    await on.open()
    await on.ask('Hello')
    const lines = (from: number) => Array.from({ length: 60 }, (_, line) => `${from + line}\n\n`)
    on.script.say(...lines(0))
    await expect.poll(() => on.answer().textContent()).toContain('59')
    const messages = on.page.locator('.messages')
    const fromEnd = () =>
      messages.evaluate((all: Scrolled) => all.scrollHeight - all.clientHeight - all.scrollTop)
    await expect.poll(fromEnd).toBeLessThan(3)
    await messages.evaluate((all: Scrolled) => (all.scrollTop = 100))
    await on.page.getByRole('button', { name: 'To the end' }).waitFor()
    on.script.say(...lines(60))
    await expect.poll(() => on.answer().textContent()).toContain('119')
    expect(await messages.evaluate((all: Scrolled) => all.scrollTop)).toBe(100)
    await on.page.getByRole('button', { name: 'To the end' }).click()
    await expect.poll(fromEnd).toBeLessThan(3)
    on.script.end()
  })

  test('whoever hears the page is told that an answer begins and ends, and not its words', async () => {
    await on.open()
    await on.ask('Hello')
    on.script.say('One')
    await expect
      .poll(() => on.page.locator('[role=status]').allTextContents())
      .toContain('The answer begins.')
    on.script.say(' two three')
    await expect.poll(() => on.answer().textContent()).toContain('three')
    expect(await on.page.locator('[role=status]').allTextContents()).toContain('The answer begins.')
    on.script.end()
    await expect
      .poll(() => on.page.locator('[role=status]').allTextContents())
      .toContain('The answer has ended.')
    expect(await on.page.locator('[aria-live=polite] .markdown, [role=log]').count()).toBe(0)
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
    await on.open()
    const requests: string[] = []
    on.page.on('request', (request) => requests.push(request.url()))
    on.page.on('dialog', (dialog) => void dialog.dismiss())
    await on.answered(HOSTILE)
    expect(await on.answer().locator('script, img, iframe, [onerror]').count()).toBe(0)
    const links = await Promise.all(
      (await on.answer().locator('a').all()).map((link) => link.getAttribute('href')),
    )
    expect(links).toEqual(['https://evil.example/pixel.png', 'https://example.com/path'])
    expect(await on.answer().locator('a[href="https://example.com/path"]').textContent()).toContain(
      'example.com',
    )
    expect(await on.answer().textContent()).toContain('javascript:alert(1)')
    expect(await on.answer().locator('a').first().getAttribute('rel')).toContain('noopener')
    expect(await on.answer().locator('.direction').textContent()).toBe('U+202E')
    expect(requests.filter((one) => !one.startsWith(on.url))).toEqual([])
    expect(on.complaints).toEqual([])
  })

  describe('axe finds nothing to complain of', () => {
    test.each([
      ['light', 'light', 1280],
      ['dark', 'dark', 1280],
      ['on a phone', 'light', 390],
    ] as const)('%s', async (_, colorScheme, width) => {
      await on.open({
        colorScheme,
        viewport: { width, height: 800 },
        bypassCSP: true,
        reducedMotion: 'reduce',
      })
      const violations = async () => {
        await on.page.addScriptTag({ content: axe.source })
        const { violations: found } = await on.page.evaluate<axe.AxeResults>('axe.run()')
        return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('\n')}`)
      }
      expect(await violations()).toEqual([])
      await on.ask('Hello')
      on.script.give(...PARTS)
      await on.answer().locator('.markdown').waitFor()
      expect(await violations()).toEqual([])
      on.script.end()
      await on.answer().locator('.message-tools').waitFor()
      if (width < 800) await on.page.getByRole('button', { name: 'Show your chats' }).click()
      expect(await violations()).toEqual([])
    })
  })

  test.runIf(isLong)('megabytes and 50,000 items are drawn, and the page answers meanwhile', async () => {
    await on.open()
    for (const text of ['x'.repeat(10_000_000), '- an item\n'.repeat(50_000)]) {
      on.script = new Script()
      await on.answered(text)
      await on.page.fill('#message', 'still here')
      expect(await on.page.inputValue('#message')).toBe('still here')
    }
  })
})

/** Of the page, whose types tests do not have. */
interface Scrolled {
  scrollTop: number
  readonly scrollHeight: number
  readonly clientHeight: number
}

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
