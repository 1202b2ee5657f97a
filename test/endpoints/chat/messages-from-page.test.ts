/** A chat whose page decides what the answer is asked with, as the stock clients send it. */
import type { UIMessage } from 'ai'
import { expect, test } from 'vitest'
import { memory } from '../../../src/index.ts'
import type { AnswerSource } from '../../../src/endpoints/chat/chat-source.ts'
import { NodeChat, STOCK, startChats, textOf, transportOf } from './chat-server.ts'

/** Answers "1", "2" and so on, and notes what it was asked with. */
const counting = () => {
  const asked: string[][] = []
  const source: AnswerSource = async function* ({ messages }) {
    asked.push(messages.map(textOf))
    yield { type: 'text-start', id: '1' }
    yield { type: 'text-delta', id: '1', delta: String(asked.length) }
    yield { type: 'text-end', id: '1' }
  }
  return { asked, source }
}

test.each(STOCK)('%s: the answer is asked with what the page has, and the chat keeps that', async (stock) => {
  const { asked, source } = counting()
  await using server = await startChats({ source, messagesFrom: 'page' })
  const { chats } = server
  const page = new NodeChat('c1', transportOf(stock, server.address, { chat: 'c1' }))
  await page.sendMessage({ text: 'A' })
  await page.sendMessage({ text: 'B' })
  expect(asked.at(-1)).toEqual(['A', '1', 'B'])
  expect(await chats.tree('c1')).toHaveLength(4)

  // The page takes the first answer out of the conversation, and shortens what it asked.
  page.messages = page.messages
    .filter((_, index) => index !== 1)
    .map((message, index) => (index === 0 ? saying(message, 'a') : message))
  await page.sendMessage({ text: 'C' })
  expect(asked.at(-1)).toEqual(['a', 'B', '2', 'C'])
  const kept = (await chats.get('c1'))?.messages.map(({ message }) => message)
  expect(kept).toEqual(JSON.parse(JSON.stringify(page.messages)))

  await page.regenerate()
  expect(asked.at(-1)).toEqual(['a', 'B', '2', 'C'])
  expect(page.text).toBe('4')
  expect((await chats.get('c1'))?.messages.map(({ message }) => textOf(message as never))).toEqual([
    'a',
    'B',
    '2',
    'C',
    '4',
  ])
})

test('a server that is asked for its own history takes none of the page', async () => {
  const { asked, source } = counting()
  await using server = await startChats({ source })
  const page = new NodeChat('c1', transportOf('DefaultChatTransport', server.address))
  await page.sendMessage({ text: 'A' })
  page.messages = page.messages.map((message) => saying(message, 'changed'))
  await page.sendMessage({ text: 'B' })
  expect(asked.at(-1)).toEqual(['A', '1', 'B'])
})

test('an answer that was stopped is not kept twice for the page that has it unfinished', async () => {
  let isFirst = true
  const source: AnswerSource = async function* ({ signal }) {
    if (!isFirst) return
    isFirst = false
    yield { type: 'text-start', id: '1' }
    yield { type: 'text-delta', id: '1', delta: 'half' }
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    signal.throwIfAborted()
  }
  await using server = await startChats({ source, messagesFrom: 'page' })
  const page = new NodeChat('c1', transportOf('DefaultChatTransport', server.address))
  const sending = page.sendMessage({ text: 'A' })
  await expect.poll(() => page.text).toBe('half')
  await fetch(`${server.address}/c1/stop`, { method: 'POST' })
  await sending
  expect(page.messages[1]?.parts).toMatchObject([{ state: 'streaming' }])
  await page.sendMessage({ text: 'B' })
  expect((await server.chats.tree('c1')).filter(({ message }) => message.role === 'assistant')).toHaveLength(
    1,
  )
})

test('a page reaches nothing of another owner, whatever it says came before', async () => {
  const { asked, source } = counting()
  const store = memory()
  await using server = await startChats({
    source,
    store,
    messagesFrom: 'page',
    authenticate: ({ headers }) => ({ id: headers.get('x-user') ?? '' }),
    ownerOf: (user) => (user as { id: string }).id,
  })
  const as = (user: string) =>
    new NodeChat('c1', transportOf('DefaultChatTransport', server.address, { headers: { 'x-user': user } }))
  const ann = as('ann')
  await ann.sendMessage({ text: 'A' })
  const bob = as('bob')
  bob.messages = ann.messages
  await bob.sendMessage({ text: 'B' })
  expect(asked.at(-1)).toEqual(['A', '1', 'B'])
  expect((await server.chats.get('c1', { owner: 'ann' }))?.messages).toHaveLength(2)
  expect((await server.chats.get('c1', { owner: 'bob' }))?.messages).toHaveLength(4)
})

function saying(message: UIMessage, text: string): UIMessage {
  return { ...message, parts: [{ type: 'text', text }] }
}
