/** Stock `useChat` in Chromium over the transport of our own: what it never shows. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { type FailingProxy, startFailingProxy } from '../../support/failing-proxy.ts'
import type { ChatTab } from './chat-tab.ts'
import { describePages, isLong } from './chat-pages.ts'

const CUTS = 20
const OWN = 'MillraceChatTransport'

/** A page comes back after a random part of longer and longer pauses: here they stay short. */
const HASTE = 'void ((random) => (Math.random = () => random() / 50))(Math.random)'

describePages('useChat over the transport of our own', (pages) => {
  let proxy: FailingProxy | undefined

  afterEach(async () => {
    await proxy?.[Symbol.asyncDispose]()
    proxy = undefined
  })

  const statuses = async (tab: ChatTab) => (await tab.shown()).statuses

  test.each(isLong ? ['', '&blocked'] : [''])('an answer is not disturbed by 20 cuts%s', async (more) => {
    const target = pages.server.server.running.port
    proxy = await startFailingProxy({ target, seed: 3, least: 400, most: 3000, cuts: CUTS, isPatient: true })
    const tab = await pages.open(OWN, more, `http://127.0.0.1:${proxy.port}`)
    await tab.page.evaluate(HASTE)
    await tab.send('Count')
    let said = ''
    proxy.fail()
    for (let n = 0; proxy.cuts < CUTS || n < 100; n++) {
      said += `${n} `
      pages.answer.say(`${n} `)
      await sleep(2)
    }
    pages.answer.end()
    await expect.poll(tab.text).toBe(said)
    expect(await pages.whole(tab)).toEqual(['Count', said])
    // Those before the last one. All of the answer may come with the connection that is not cut.
    const [ready, submitted, ...others] = await statuses(tab)
    expect([ready, submitted]).toEqual(['ready', 'submitted'])
    expect(['', 'streaming']).toContain(others.join())
  })

  test.runIf(isLong)(
    'an answer is stopped after a reload in its middle, and shows in another tab',
    async () => {
      const tab = await pages.begin(OWN)
      const other = await pages.open(OWN, '&idle')
      await expect.poll(other.text).toBe('One two')
      await tab.reload()
      await expect.poll(tab.text).toBe('One two')
      await fetch(`${pages.server.address}/c1/stop`, { method: 'POST' })
      for (const one of [tab, other]) await expect.poll(one.status).toBe('ready')
      expect(await tab.texts()).toEqual(['Hello', 'One two'])
      expect(await other.texts()).toEqual(['Hello', 'One two'])
      // The idle tab shows the next answer, too.
      pages.turn(1).say('Yes.')
      pages.turn(1).end()
      await tab.send('More?')
      await expect.poll(other.text).toBe('Yes.')
      await expect.poll(tab.texts).toEqual(['Hello', 'One two', 'More?', 'Yes.'])
    },
  )

  test.runIf(isLong)('a component that goes and comes back has the whole answer once', async () => {
    const tab = await pages.begin(OWN)
    await tab.mount(false)
    pages.answer.say(' three')
    await tab.mount(true)
    pages.answer.say('.')
    pages.answer.end()
    await expect.poll(tab.text).toBe('One two three.')
    // What it was made with is what there was when the page was loaded.
    expect(await tab.texts()).toEqual(['One two three.'])
    expect(await tab.status()).toBe('ready')
  })
})
