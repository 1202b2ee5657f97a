/** A server that drains or is killed, and is started again on the same port, under an answer that can go on. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ChatChild } from '../../endpoints/chat/chat-child.ts'
import { STOCK, type Stock } from '../../endpoints/chat/chat-server.ts'
import type { ChatTab } from './chat-tab.ts'
import { describePages, isLong } from './chat-pages.ts'

const WHOLE = '0 1 2 3 4 5 6 7 8 9 10 11 '
const COUNTING = '&api=/api/counting'

describePages('a restart of the server under a page in Chromium', (pages) => {
  let folder: string
  let child: ChatChild

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chat-page-'))
    await writeFile(join(folder, 'page.js'), pages.script)
    child = await ChatChild.start(join(folder, 'page.js'))
  })

  afterEach(async () => {
    await child[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  /** A tab that has the beginning of its answer. */
  const begin = async (transport: Stock) => {
    const tab = await pages.open(transport, COUNTING, child.url(''))
    await tab.send('Count')
    await expect.poll(tab.text).toMatch(/^0 1 2 /)
    return tab
  }
  const expectWhole = async (tab: ChatTab) => {
    await expect.poll(tab.status).toBe('ready')
    expect((await tab.shown()).messages.map(({ parts }) => parts)).toMatchObject([
      [{ text: 'Count' }],
      [{ text: WHOLE }],
    ])
  }

  // Without MILLRACE_LONG one of each, as they take the start of two processes.
  describe.each(isLong ? STOCK : STOCK.slice(0, 1))('%s', (transport) => {
    test('after a drain no half is ready, and the page has all of it in the end', async () => {
      const tab = await begin(transport)
      await child.end('SIGTERM')
      // It asks until it is answered.
      const isPatient = transport === 'createDurableChatTransport'
      if (!isPatient) await expect.poll(tab.status).toBe('error')
      else expect(await tab.status()).toBe('streaming')
      await child.restart()
      if (!isPatient) await tab.see()
      await expectWhole(tab)
      await tab.reload()
      await expectWhole(tab)
    })

    test('after a crash no half is ready, and the page has all of it in the end', async () => {
      const tab = await begin(transport)
      await child.end('SIGKILL')
      // The client of Durable Streams asks again, or gives up: that depends on where the connection breaks.
      if (transport === 'createDurableChatTransport') expect(await tab.status()).not.toBe('ready')
      else await expect.poll(tab.status).toBe('error')
      await child.restart()
      await tab.see()
      await expectWhole(tab)
      await tab.reload()
      await expectWhole(tab)
    })
  })
})
