import { describe, expect, test } from 'vitest'
import { STOCK } from '../../endpoints/chat/chat-server.ts'
import { describePages, isLong } from './chat-pages.ts'
import type { ChatTab } from './chat-tab.ts'

const transports = isLong ? STOCK : STOCK.slice(0, 2)

describePages('an answer in Chromium', (pages) => {
  describe.each(transports)('%s', (transport) => {
    test('comes as it is written, and is resumed after a reload in its middle', async () => {
      const tab = await pages.begin(transport)
      await tab.reload()
      await expect.poll(tab.text).toBe('One two')
      pages.finish()
      expect(await pages.whole(tab)).toEqual(['Hello', 'One two three.'])
    })

    describe.runIf(isLong)('by npm run test:transports', () => {
      test('is whole without a reload as well, and after one that comes when it has ended', async () => {
        const tab = await pages.begin(transport)
        pages.finish()
        expect(await pages.whole(tab)).toEqual(['Hello', 'One two three.'])
        await tab.reload()
        expect(await pages.whole(tab)).toEqual(['Hello', 'One two three.'])
      })

      test('is there once when its component is unmounted and comes back', async () => {
        const tab = await pages.begin(transport)
        await tab.mount(false)
        pages.answer.say(' three')
        await tab.mount(true)
        await expect.poll(tab.text).toBe('One two three')
        pages.answer.say('.')
        pages.answer.end()
        await expect.poll(tab.status).toBe('ready')
        // The component had the history when the page was loaded: the question comes with that.
        expect((await tab.shown()).messages).toMatchObject([
          { role: 'assistant', parts: [{ type: 'text', text: 'One two three.' }] },
        ])
        await tab.reload()
        expect(await pages.whole(tab)).toEqual(['Hello', 'One two three.'])
      })

      /** Not with the state of its parts: the chunks of a stopped answer leave its text open. */
      const expectKept = async (tab: ChatTab) => {
        await expect.poll(async () => (await pages.server.chats.get('c1'))?.messages.length).toBe(2)
        await tab.reload()
        await expect.poll(tab.status).toBe('ready')
        expect(await tab.texts()).toEqual(['Hello', 'One two'])
      }

      test('is stopped by the route, and kept', async () => {
        const tab = await pages.begin(transport)
        await stop(tab)
        await expect.poll(tab.status).toBe('ready')
        expect(await tab.texts()).toEqual(['Hello', 'One two'])
        expect(pages.answer.aborted).toBe(true)
        await expectKept(tab)
      })

      test('is stopped by the route after a reload, and kept', async () => {
        const tab = await pages.begin(transport)
        await tab.reload()
        await expect.poll(tab.text).toBe('One two')
        await stop(tab)
        await expect.poll(tab.status).toBe('ready')
        expect(await tab.texts()).toEqual(['Hello', 'One two'])
        await expectKept(tab)
      })

      test('that fails is an error, with why', async () => {
        const tab = await pages.begin(transport)
        pages.answer.give({ type: 'error', errorText: 'The model is out of order.' })
        await expect
          .poll(() => tab.shown())
          .toMatchObject({ status: 'error', error: 'The model is out of order.' })
        expect(await tab.texts()).toEqual(['Hello', 'One two'])
      })

      test('that is deleted under its reader is an error', async () => {
        const tab = await pages.begin(transport)
        const { active } = (await pages.server.chats.get('c1')) ?? {}
        await pages.server.streams.store.delete(active?.run ?? '')
        await expect.poll(tab.status).toBe('error')
        expect(await tab.texts()).toEqual(['Hello', 'One two'])
      })
    })
  })
})

function stop({ page }: { readonly page: { evaluate(script: string): Promise<unknown> } }) {
  return page.evaluate("fetch('/api/chat/c1/stop', { method: 'POST' })")
}
