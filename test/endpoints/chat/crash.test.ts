/** What the transports make of a server that is killed, as they are published. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openPage } from '../../client/chat/pages.ts'
import { takeUnhandledRejections } from '../../support/unhandled-rejections.ts'
import { ChatChild } from './chat-child.ts'
import { NodeChat, STOCK, type Stock, transportOf } from './chat-server.ts'

let server: ChatChild

beforeEach(async () => {
  server = await ChatChild.start()
})

afterEach(() => server[Symbol.asyncDispose]())

const isLong = process.env['MILLRACE_LONG'] !== undefined

/** Each takes the start of two processes, and a lease of a second that runs out. */
test.each(isLong ? STOCK : (['WebSocketChatTransport'] as const))(
  'crash: over %s no page is ready with half an answer, before and after the server is back',
  async (stock) => {
    const open = () => new NodeChat('c1', transportOf(stock, server.url('/api/chat'), { chat: 'c1' }))
    const chat = open()
    // Of the client of Durable Streams, whose `closed` rejects as its body does.
    using unhandled = takeUnhandledRejections()
    const sending = chat.sendMessage({ text: 'Hello' })
    await expect.poll(() => chat.text, { timeout: 5000 }).toBe('One two')
    await server.end('SIGKILL')
    // The client of Durable Streams asks again, or gives up: that depends on where the connection breaks.
    if (stock !== 'createDurableChatTransport') {
      await sending
      expect(chat.status).toBe('error')
      expect(chat.text).toBe('One two')
    }
    await server.restart()
    await sending
    expect([chat.status, chat.text]).toEqual(['error', 'One two'])
    expect(unhandled.reasons.length).toBeLessThan(2)
    const back = open()
    await back.resumeStream()
    expect(back.status).toBe('error')
    expect(back.error?.message).toMatch(/interrupted in the middle of this answer/)
    expect(back.text).toBe('One two')
  },
)

test('crash: an answer that can be resumed goes on from its checkpoint, and is whole', async () => {
  const open = () => new NodeChat('c1', transportOf('WebSocketChatTransport', server.url('/api/counting')))
  const chat = open()
  const sending = chat.sendMessage({ text: 'Count' })
  await expect.poll(() => chat.text, { timeout: 5000, interval: 10 }).toMatch(/^0 1 2 /)
  await server.end('SIGKILL')
  await sending
  await server.restart()
  const back = open()
  await back.resumeStream()
  expect([back.status, back.text]).toEqual(['ready', '0 1 2 3 4 5 6 7 8 9 10 11 '])
})

const again = (stock: Stock, at = server) =>
  new NodeChat('c1', transportOf(stock, at.url('/api/again'), { chat: 'c1' }))
const WHOLE = [{ type: 'step-start' }, { type: 'text', text: 'One two three.', state: 'done' }]

test.each(isLong ? STOCK : (['DefaultChatTransport'] as const))(
  'crash: over %s an answer that is asked for again is whole, and there once, when the server is back',
  async (stock) => {
    const chat = again(stock)
    using unhandled = takeUnhandledRejections()
    const sending = chat.sendMessage({ text: 'Hello' })
    await expect.poll(() => chat.text, { timeout: 5000 }).toBe('One two')
    await server.end('SIGKILL')
    await server.restart('ends')
    // The client of Durable Streams asks again, or gives up: that depends on where the connection breaks.
    await sending
    expect(unhandled.reasons.length).toBeLessThan(2)
    if (stock !== 'createDurableChatTransport') expect(chat.status).toBe('error')
    for (const page of [again(stock), chat]) {
      await page.resumeStream()
      expect(page.status).toBe('ready')
      expect(JSON.parse(JSON.stringify(page.messages.at(-1)?.parts))).toEqual(WHOLE)
      expect(page.messages.filter(({ role }) => role === 'assistant')).toHaveLength(1)
    }
  },
)

test.each(isLong ? STOCK : (['WebSocketChatTransport', 'WorkflowChatTransport'] as const))(
  'crash: over %s a tab at another process sees the answer taken back and said again there',
  async (stock) => {
    const asking = again('DefaultChatTransport')
    const sending = asking.sendMessage({ text: 'Hello' })
    await expect.poll(() => asking.text, { timeout: 5000 }).toBe('One two')
    await using other = await server.beside('ends')
    const tab = again(stock, other)
    const following = tab.resumeStream()
    await expect.poll(() => tab.text, { timeout: 5000 }).toBe('One two')
    await server.end('SIGKILL')
    await Promise.all([sending, following])
    expect(tab.status).toBe('ready')
    expect(JSON.parse(JSON.stringify(tab.messages.at(-1)?.parts))).toEqual(WHOLE)
    const late = again(stock, other)
    await late.resumeStream()
    expect(late.messages.at(-1)?.parts ?? WHOLE).toMatchObject(WHOLE)
  },
)

test.each(['SIGKILL', 'SIGTERM'] as const)(
  '%s: a page of MillraceChatTransport sees the answer taken back and said again in place',
  async (signal) => {
    using page = openPage({ api: server.url('/api/again') })
    const chat = page.open()
    const sending = chat.sendMessage({ text: 'Hello' })
    await expect.poll(() => chat.text, { timeout: 5000 }).toBe('One two')
    await server.end(signal)
    await server.restart('ends')
    await sending
    expect(chat.errors).toEqual([])
    expect(chat.status).toBe('ready')
    expect(JSON.parse(JSON.stringify(chat.messages.at(-1)?.parts))).toEqual(WHOLE)
    expect(chat.messages).toHaveLength(2)
  },
)
