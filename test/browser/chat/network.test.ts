import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { STOCK, type Stock } from '../../endpoints/chat/chat-server.ts'
import { type Network, startNetwork } from '../../support/network.ts'
import { describePages, isLong } from './chat-pages.ts'

/** Milliseconds that it is away. */
const AWAY = 10_000

describe.runIf(isLong)('by npm run test:transports', () => {
  describePages('a network that goes away under a page in Chromium', (pages) => {
    let network: Network | undefined

    afterEach(async () => {
      await network?.[Symbol.asyncDispose]()
    })

    const begin = async (transport: Stock) => {
      network = await startNetwork(pages.server.server.running.port)
      return { network, tab: await pages.begin(transport, '', `http://127.0.0.1:${network.port}`) }
    }

    describe.each(STOCK)('%s', (transport) => {
      test('and is silent for 10 s costs nothing', async () => {
        const { network: way, tab } = await begin(transport)
        way.leave('silent')
        pages.answer.say(' three')
        await sleep(AWAY)
        expect(await tab.text()).toBe('One two')
        expect(await tab.status()).toBe('streaming')
        way.comeBack()
        await expect.poll(tab.text).toBe('One two three')
        pages.answer.say('.')
        pages.answer.end()
        expect(await pages.whole(tab)).toEqual(['Hello', 'One two three.'])
      })

      test('and cuts its connections for 10 s is an error, and the page has all of it in the end', async () => {
        const { network: way, tab } = await begin(transport)
        way.leave('cut')
        pages.answer.say(' three')
        // The client of Durable Streams asks again, or gives up: that depends on where the connection breaks.
        if (transport === 'createDurableChatTransport') expect(await tab.status()).not.toBe('ready')
        else await expect.poll(tab.status).toBe('error')
        expect(await tab.text()).toBe('One two')
        await sleep(AWAY)
        pages.answer.say('.')
        pages.answer.end()
        way.comeBack()
        await tab.see()
        expect(await pages.whole(tab)).toEqual(['Hello', 'One two three.'])
      })
    })
  })
})
