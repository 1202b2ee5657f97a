import { describe, expect, test } from 'vitest'
import { approvalSource } from '../../endpoints/chat/approval-source.ts'
import { STOCK } from '../../endpoints/chat/chat-server.ts'
import { describePages, isLong } from './chat-pages.ts'
import type { ChatTab } from './chat-tab.ts'

describe.runIf(isLong)('by npm run test:transports', () => {
  describePages('a conversation in Chromium', (pages) => {
    describe.each(STOCK)('%s', (transport) => {
      /** Gives an answer in full. */
      const answer = async (tab: ChatTab, turn: number, text: string) => {
        pages.turn(turn).say(text)
        pages.turn(turn).end()
        await expect.poll(tab.text).toBe(text)
        await expect.poll(tab.status).toBe('ready')
      }
      /** A tab with one question and its answer. */
      const answered = async () => {
        const tab = await pages.open(transport)
        await tab.send('Hello')
        await answer(tab, 0, 'One.')
        return tab
      }

      test('another answer takes the place of the first', async () => {
        const tab = await answered()
        await tab.call('regenerate')
        await answer(tab, 1, 'Another one.')
        expect(await pages.whole(tab)).toEqual(['Hello', 'Another one.'])
        await tab.reload()
        expect(await pages.whole(tab)).toEqual(['Hello', 'Another one.'])
      })

      test('an edit takes the place of the message and of what followed it', async () => {
        const tab = await answered()
        await tab.send('And then?')
        await answer(tab, 1, 'Two.')
        const [first] = (await tab.shown()).messages
        await tab.call('sendMessage', { text: 'Good day', messageId: first?.id })
        await answer(tab, 2, 'Three.')
        expect(await pages.whole(tab)).toEqual(['Good day', 'Three.'])
        await tab.reload()
        expect(await pages.whole(tab)).toEqual(['Good day', 'Three.'])
      })

      test('a tool call that is approved goes on in its own message', async () => {
        const { source, removed } = approvalSource()
        await pages.start({ source })
        const tab = await pages.open(transport)
        await tab.send('Remove a')
        const call = async () => {
          const { messages } = await tab.shown()
          return messages[1]?.parts.find(({ type }) => type === 'tool-remove') as
            | { readonly state: string; readonly approval: { readonly id: string } }
            | undefined
        }
        await expect.poll(async () => (await call())?.state).toBe('approval-requested')
        await expect.poll(tab.status).toBe('ready')
        // The approval may come from a page that was loaded since.
        await tab.reload()
        const { approval } = (await call()) ?? {}
        await tab.call('addToolApprovalResponse', { id: approval?.id, approved: true })
        await expect.poll(tab.text).toBe('Removed.')
        await expect.poll(tab.status).toBe('ready')
        expect(removed).toEqual(['a'])
        const { messages } = await tab.shown()
        expect(messages).toHaveLength(2)
        const kept = async () => (await pages.server.chats.get('c1'))?.messages.map(({ message }) => message)
        await expect.poll(kept).toEqual(messages)
      })

      test('a message that waits for its turn is answered in it, and there once', async () => {
        await pages.start({ whileBusy: 'queue' })
        const tab = await pages.begin(transport)
        const other = await pages.open(transport)
        await other.send('Me too')
        await expect.poll(async () => (await pages.server.chats.get('c1'))?.queue.length).toBe(1)
        pages.finish()
        await expect.poll(async () => (await tab.texts())[1]).toBe('One two three.')
        await answer(other, 1, 'Two.')
        // Over WebSocket its resume still waits, and shows it the other one, too.
        await expect.poll(tab.status).toBe('ready')
        await tab.reload()
        expect(await pages.whole(tab)).toEqual(['Hello', 'One two three.', 'Me too', 'Two.'])
      })
    })
  })
})
