/** Conversations on the page `/chat` of the demo, in Chromium. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Script } from '../endpoints/chat/chat-server.ts'
import { describeWith } from '../support/services.ts'
import { ChatPage } from './chat-page.ts'
import { complaintsOf } from '../support/browser.ts'

describeWith(['chromium'], 'a conversation on the page of the chat', ({ chromium }) => {
  let on: ChatPage

  beforeAll(async () => {
    on = await ChatPage.start(chromium)
  })

  afterAll(() => on.close())

  afterEach(() => on.leave())

  test('a question is answered in Markdown, and both are there after a reload', async () => {
    await on.open()
    await on.answered('# Title\n\nSome **bold** words.\n\n```ts\nconst a = 1\n```\n')
    await expect.poll(() => on.answer().locator('strong').textContent()).toBe('bold')
    await expect.poll(() => on.answer().locator('[data-token=keyword]').textContent()).toBe('const')
    expect(on.page.url()).toMatch(/\/chat#[0-9a-f]{32}$/)
    await on.page.reload()
    await expect.poll(() => on.answer().locator('h3').textContent()).toBe('Title')
    expect(await on.page.locator('.message[data-role=user] .bubble').textContent()).toBe('Hello')
    expect(on.complaints).toEqual([])
  })

  test('an answer that is being written goes on after a reload, and Stop ends it', async () => {
    await on.open()
    await on.ask('Hello')
    on.script.say('One', ' two')
    await expect.poll(() => on.answer().textContent()).toContain('One two')
    await on.page.reload()
    await expect.poll(() => on.answer().textContent()).toContain('One two')
    await on.page.getByRole('button', { name: 'Stop' }).click()
    await expect.poll(() => on.script.aborted).toBe(true)
    await on.answer().locator('.message-tools').waitFor()
  })

  test('the chat is in the list under its question, is renamed and deleted there', async () => {
    await on.open()
    await on.answered('Yes.', 'Is it so?')
    const row = on.page.locator('.chat-row')
    await expect.poll(() => row.locator('a').textContent()).toBe('Is it so?')
    await on.page.getByRole('button', { name: 'Rename Is it so?' }).click()
    await on.page.getByRole('textbox', { name: 'Title of the chat' }).fill('Questions')
    await on.page.keyboard.press('Enter')
    await expect.poll(() => row.locator('a').textContent()).toBe('Questions')
    await on.page.getByRole('button', { name: 'Delete Questions' }).click()
    await on.page.getByRole('button', { name: 'Delete', exact: true }).click()
    await expect.poll(() => row.count()).toBe(0)
    await on.page.waitForSelector('.welcome')
  })

  test('a failure is said in its place, and can be tried again', async () => {
    await on.open()
    await on.ask('Hello')
    on.script.say('One')
    on.script.give({ type: 'error', errorText: 'The model is out.' })
    await expect.poll(() => on.page.locator('.note.error').textContent()).toContain('The model is out.')
    on.script = new Script()
    await on.page.getByRole('button', { name: 'Try again' }).click()
    on.script.say('Two')
    on.script.end()
    await expect.poll(() => on.answer().textContent()).toContain('Two')
    expect(await on.page.locator('.note.error').count()).toBe(0)
  })

  test('another tab of the guest shows question and answer as they come, and stops it', async () => {
    await on.open()
    await on.answered('Yes.')
    const other = await on.context.newPage()
    await other.goto(on.page.url())
    await other.locator('.message[data-role=assistant]').waitFor()
    on.script = new Script()
    await on.ask('More?')
    await expect.poll(() => other.locator('.bubble').last().textContent()).toBe('More?')
    on.script.say('One two')
    await expect.poll(() => other.locator('.message[data-role=assistant]').count()).toBe(2)
    await other.getByRole('button', { name: 'Stop' }).click()
    await expect.poll(() => on.script.aborted).toBe(true)
    await expect.poll(() => on.page.getByRole('button', { name: 'Stop' }).count()).toBe(0)
    expect(await on.answer().textContent()).toContain('One two')
    await expect.poll(() => on.answer().locator('.ended').textContent()).toBe('Stopped here.')
  })

  test('what is sent meanwhile waits, and is taken back into the box', async () => {
    await on.open()
    await on.ask('First')
    on.script.say('One')
    await on.answer().waitFor()
    await on.ask('Second')
    await expect.poll(() => on.page.locator('.queued').textContent()).toBe('Second')
    await on.page.getByRole('button', { name: 'Take back' }).click()
    await expect.poll(() => on.page.locator('.queue').count()).toBe(0)
    expect(await on.page.inputValue('#message')).toBe('Second')
    on.script.end()
    await on.answer().locator('.message-tools').waitFor()
    expect(await on.page.locator('.bubble').allTextContents()).toEqual(['First'])
  })

  test('an edit and another answer are branches, between which one goes', async () => {
    await on.open()
    await on.answered('One.', 'First')
    on.script = new Script()
    await on.page.getByRole('button', { name: 'Edit' }).click()
    await on.page.locator('.editor textarea').fill('Second')
    await on.page.keyboard.press('Enter')
    on.script.say('Two.')
    on.script.end()
    await expect.poll(() => on.answer().locator('.markdown').textContent()).toBe('Two.')
    on.script = new Script()
    await on.page.getByRole('button', { name: 'Answer again' }).click()
    on.script.say('Three.')
    on.script.end()
    await expect.poll(() => on.answer().locator('.markdown').textContent()).toBe('Three.')
    await expect.poll(() => on.page.locator('.versions').allTextContents()).toEqual(['2/2', '2/2'])
    await on.page.getByRole('button', { name: 'Previous version' }).last().click()
    await expect.poll(() => on.answer().locator('.markdown').textContent()).toBe('Two.')
    await on.page.getByRole('button', { name: 'Previous version' }).first().click()
    await expect.poll(() => on.page.locator('.bubble').textContent()).toBe('First')
    expect(await on.answer().locator('.markdown').textContent()).toBe('One.')
  })

  test('a chat that another tab deletes says so', async () => {
    await on.open()
    await on.answered('Yes.', 'Is it so?')
    const other = await on.context.newPage()
    await other.goto(on.page.url())
    await other.getByRole('button', { name: 'Delete Is it so?' }).click()
    await other.getByRole('button', { name: 'Delete', exact: true }).click()
    await expect.poll(() => on.page.locator('.note').textContent()).toContain('This chat was deleted.')
    await on.page.locator('.note').getByRole('button', { name: 'New chat' }).click()
    await on.page.waitForSelector('.welcome')
  })

  test('without a network it says so, and shows the chat once there is one', async () => {
    await on.open()
    await on.answered('Yes.')
    let isOffline = true
    await on.page.route('**/api/**', (route) => (isOffline ? route.abort() : route.continue()))
    await on.page.routeWebSocket('**/api/**', (socket) => {
      if (isOffline) void socket.close()
      else socket.connectToServer()
    })
    await on.page.reload()
    await expect.poll(() => on.page.locator('.note.error').textContent()).toContain('cannot be reached')
    isOffline = false
    await expect.poll(() => on.answer().locator('.markdown').textContent()).toBe('Yes.')
    expect(await on.page.locator('.note.error').count()).toBe(0)
  })

  test('it works where the browser keeps nothing for it', async () => {
    on.context = await on.browser.newContext()
    await on.context.addInitScript(() => {
      const refuse = {
        get: () => {
          throw new Error('no storage')
        },
      }
      for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(globalThis, name, refuse)
    })
    on.page = await on.context.newPage()
    on.complaints = complaintsOf(on.page)
    await on.page.goto(`${on.url}/chat`)
    await on.answered('Yes.')
    expect(on.complaints).toEqual([])
  })
})
