import { describe, expect, test } from 'vitest'
import { STOCK } from '../../endpoints/chat/chat-server.ts'
import { describePages, isLong } from './chat-pages.ts'

describePages('tabs in Chromium', (pages) => {
  test('an idle tab shows what begins in another one, over WebSocket', async () => {
    const idle = await pages.open('WebSocketChatTransport', '&idle')
    const tab = await pages.begin('WebSocketChatTransport')
    await expect.poll(idle.text).toBe('One two')
    pages.finish()
    expect(await pages.whole(tab)).toEqual(['Hello', 'One two three.'])
    await expect.poll(idle.status).toBe('ready')
    expect(await idle.texts()).toEqual(['One two three.'])
    await idle.reload()
    expect(await pages.whole(idle)).toEqual(['Hello', 'One two three.'])
  })

  describe.runIf(isLong)('by npm run test:transports', () => {
    test.each(STOCK)('a second tab sees the answer as it comes, over %s', async (transport) => {
      const tab = await pages.begin(transport)
      const second = await pages.open(transport)
      await expect.poll(second.texts).toEqual(['Hello', 'One two'])
      pages.finish()
      expect(await pages.whole(tab)).toEqual(['Hello', 'One two three.'])
      expect(await pages.whole(second)).toEqual(['Hello', 'One two three.'])
    })

    test.each([
      ['WebSocketChatTransport', '&idle'],
      ['DefaultChatTransport', '&loop'],
    ] as const)(
      'over %s a tab that is kept live shows every answer once, its own ones too',
      async (transport, live) => {
        const tabs = [await pages.open(transport, live), await pages.open(transport, live)] as const
        const ends: string[] = []
        for (const [turn, tab] of [tabs[0], tabs[1], tabs[1], tabs[0]].entries()) {
          await tab.send(`Question ${turn}`)
          pages.turn(turn).say(`Answer ${turn}`)
          for (const one of tabs) await expect.poll(one.text).toBe(`Answer ${turn}`)
          pages.turn(turn).say('.')
          pages.turn(turn).end()
          ends.push(`Answer ${turn}.`)
          for (const one of tabs) {
            await expect.poll(one.text).toBe(`Answer ${turn}.`)
            await expect.poll(one.status).toBe('ready')
            const texts = (await one.texts()).filter((text) => text.startsWith('Answer'))
            expect(texts).toEqual(ends)
          }
        }
        const questions = ends.flatMap((end, turn) => [`Question ${turn}`, end])
        for (const one of tabs) {
          await one.reload()
          expect(await pages.whole(one)).toEqual(questions)
        }
      },
    )
  })
})
