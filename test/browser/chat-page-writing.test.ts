/** What is typed, attached, pasted and pressed on the page `/chat`. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Script } from '../endpoints/chat/chat-server.ts'
import { describeWith } from '../support/services.ts'
import { ChatPage } from './chat-page.ts'

describeWith(['chromium'], 'writing on the page of the chat', ({ chromium }) => {
  let on: ChatPage

  beforeAll(async () => {
    on = await ChatPage.start(chromium)
  })

  afterAll(() => on.close())

  afterEach(() => on.leave())

  test('a question that was not sent is there after a reload', async () => {
    await on.open()
    await on.answered('Yes.')
    await on.page.fill('#message', 'And then')
    await on.page.reload()
    await expect.poll(() => on.page.inputValue('#message')).toBe('And then')
  })

  test('what was typed in a new chat is there after a reload, and on the way back to it', async () => {
    await on.open()
    await on.answered('Yes.')
    await on.page.click('.new-chat')
    await on.page.fill('#message', 'Half a qu')
    await on.page.reload()
    await expect.poll(() => on.page.inputValue('#message')).toBe('Half a qu')
    await on.page.click('.chat-row a')
    await on.answer().waitFor()
    await on.page.goBack()
    await expect.poll(() => on.page.inputValue('#message')).toBe('Half a qu')
  })

  test('Escape closes what is open over the chat, and stops no answer meanwhile', async () => {
    await on.open({ viewport: { width: 390, height: 844 } })
    await on.ask('Go on')
    on.script.say('Words ')
    await expect.poll(() => on.answer().textContent()).toContain('Words')
    await on.page.getByRole('button', { name: 'Show your chats' }).click()
    await on.page.getByRole('button', { name: /^Delete / }).click()
    await on.page.keyboard.press('Escape')
    await expect.poll(() => on.page.locator('.row-choice').count()).toBe(0)
    expect(await on.page.locator('.drawer[inert]').count()).toBe(0)
    await expect.poll(() => on.page.locator('.chat-row a:focus').count()).toBe(1)
    await on.page.keyboard.press('Escape')
    await on.page.locator('.drawer[inert]').waitFor()
    on.script.say('and more.')
    on.script.end()
    await expect.poll(() => on.answer().textContent()).toContain('Words and more.')
    expect(on.script.aborted).toBe(false)
  })

  test('a tool that needs an approval is called once it has one', async () => {
    await on.open()
    await on.ask('Delete it')
    const call = { toolCallId: 't', toolName: 'remove', dynamic: true } as const
    on.script.give(
      { type: 'tool-input-available', ...call, input: { path: '/a' } },
      { type: 'tool-approval-request', approvalId: 'ok', toolCallId: 't' },
    )
    on.script.end()
    await on.page.getByText('May remove be called?').waitFor()
    on.script = new Script()
    await on.page.getByRole('button', { name: 'Allow', exact: true }).click()
    on.script.give({ type: 'tool-output-available', toolCallId: 't', output: 'gone', dynamic: true })
    on.script.say('Done.')
    on.script.end()
    await expect.poll(() => on.answer().textContent()).toContain('Done.')
    expect(await on.answer().locator('summary').textContent()).toBe('Tool remove: done')
  })

  test('an image is made smaller, shown and sent; what is none is refused in words', async () => {
    await on.open()
    const image = await on.page.screenshot()
    const files = on.page.locator('input[type=file]')
    await files.setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('x') })
    await expect.poll(() => on.page.locator('#message-hint').textContent()).toBe('notes.txt is not an image.')
    await files.setInputFiles({ name: 'page.png', mimeType: 'image/png', buffer: image })
    await on.page.locator('.attachments img').waitFor()
    await on.ask('What is this?')
    await on.page.locator('.message .file-image').waitFor()
    expect(await on.page.locator('.message .file-image').getAttribute('src')).toMatch(/^data:image\/jpeg;/)
    expect(await on.page.locator('.attachments').count()).toBe(0)
    on.script.end()
  })

  test('a file is dropped on the box, and does not lead away from the page', async () => {
    await on.open()
    const isTaken = await on.page.locator('.chat-composer').evaluate((form: Pasted) => {
      const dataTransfer = new DataTransfer()
      dataTransfer.items.add(new File(['x'], 'notes.txt', { type: 'text/plain' }))
      const init = { dataTransfer, bubbles: true, cancelable: true }
      const over = form.dispatchEvent(new DragEvent('dragover', init))
      return !over && !form.dispatchEvent(new DragEvent('drop', init))
    })
    expect(isTaken).toBe(true)
    await expect.poll(() => on.page.locator('#message-hint').textContent()).toBe('notes.txt is not an image.')
  })

  test('a long text that is pasted stands beside the box', async () => {
    await on.open()
    await on.page.locator('#message').evaluate((box: Pasted) => {
      const clipboardData = new DataTransfer()
      clipboardData.setData('text/plain', 'word '.repeat(200_000))
      box.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
    })
    await expect.poll(() => on.page.locator('.attachments').textContent()).toContain('1,000,000 characters')
    await on.ask('Shorten this')
    await on.page.getByRole('button', { name: /^Show all 1,000,01\d characters$/ }).waitFor()
    on.script.end()
  })

  test('a text that is too long is refused in words, which go with it', async () => {
    await on.open()
    await on.page.locator('#message').evaluate((box: Pasted) => {
      const clipboardData = new DataTransfer()
      clipboardData.setData('text/plain', 'word '.repeat(1_400_000))
      box.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }))
    })
    await on.ask('Shorten this')
    const hint = on.page.locator('#message-hint')
    await expect.poll(() => hint.textContent()).toContain('too long')
    await on.page.getByRole('button', { name: 'Remove the pasted text' }).click()
    await expect.poll(() => hint.textContent()).toContain('Enter sends')
    expect(await on.page.inputValue('#message')).toBe('Shorten this')
  })

  test('an address that is the name of no chat shows a new one, which works', async () => {
    await on.open()
    await on.page.goto(`${on.url}/chat#..`)
    await on.page.reload()
    await on.page.waitForSelector('.welcome')
    await on.answered('Yes.')
    expect(on.page.url()).toMatch(/#[0-9a-f]{32}$/)
  })

  test('on a phone the list is a drawer, which takes the focus and gives it back', async () => {
    await on.open({ viewport: { width: 390, height: 844 } })
    const list = on.page.getByRole('button', { name: 'Show your chats' })
    await list.click()
    await expect.poll(() => on.page.locator('.new-chat:focus').count()).toBe(1)
    await on.page.keyboard.press('Escape')
    await expect.poll(() => on.page.locator('.list-button:focus').count()).toBe(1)
    expect(await on.page.locator('.drawer[inert]').count()).toBe(1)
  })

  test('the page of the tutorial leads to the chat, and keeps its question over a reload', async () => {
    on.context = await on.browser.newContext()
    on.page = await on.context.newPage()
    await on.page.goto(on.url)
    await on.page.fill('#prompt', 'How many?')
    await on.page.press('#prompt', 'Enter')
    await expect.poll(() => on.page.inputValue('#openaiOutput')).toContain('Number 0')
    await on.page.reload()
    await expect.poll(() => on.page.locator('.asked').textContent()).toBe('How many?')
    await on.page.getByRole('link', { name: 'Chat' }).click()
    await on.page.waitForSelector('.welcome')
    await on.page.getByRole('link', { name: /tutorial/ }).click()
    await on.page.waitForSelector('#openaiOutput')
  })
})

/** Of the page, whose types tests do not have. */
interface Pasted {
  dispatchEvent(event: object): boolean
}

declare const DataTransfer: new () => {
  readonly items: { add(file: object): void }
  setData(type: string, data: string): void
}
declare const DragEvent: new (type: string, init: object) => object
declare const ClipboardEvent: new (type: string, init: object) => object
