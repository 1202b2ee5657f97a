/** Clients that resume after an answer has ended: who gets its end once more. */
import { afterEach, expect, test } from 'vitest'
import { memory } from '../../../src/index.ts'
import { type ChatServer, NodeChat, Script, startChats, transportOf } from './chat-server.ts'

const servers: ChatServer[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]()
})

const store = memory()

const start = async () => {
  const script = new Script()
  // So short that a resume that finds nothing is answered soon.
  const server = await startChats({ source: script.source, store, holdFor: 0.05 })
  servers.push(server)
  return { script, server }
}

const open = ({ address }: ChatServer, chat: string, client: string) =>
  new NodeChat(chat, transportOf('DefaultChatTransport', address, { headers: { 'user-agent': client } }))

/** Whether a resume of a client is answered with the last answer. */
const isTold = async ({ address }: ChatServer, chat: string, client: string) => {
  const answer = await fetch(`${address}/${chat}/stream`, { headers: { 'user-agent': client } })
  await answer.text()
  return answer.status === 200
}

/** An answer that the laptop has read to its end, and the phone in part. */
const cutOff = async (chat: string) => {
  const { server, script } = await start()
  const laptop = open(server, chat, 'laptop')
  const sending = laptop.sendMessage({ text: 'Hello' })
  script.say('One')
  await expect.poll(() => laptop.text).toBe('One')
  const phone = open(server, chat, 'phone')
  const reading = phone.resumeStream()
  await expect.poll(() => phone.text).toBe('One')
  await phone.stop()
  await reading
  script.say(' two')
  script.end()
  await sending
  await expect.poll(() => isTold(server, chat, 'laptop'), { timeout: 5000 }).toBe(false)
  return { server, laptop, phone }
}

test('a phone that was cut off gets the end that the laptop has read, once', async () => {
  const { server, phone } = await cutOff('c1')
  await phone.resumeStream()
  expect(phone.text).toBe('One two')
  expect(phone.messages).toHaveLength(1)
  await expect.poll(() => isTold(server, 'c1', 'phone'), { timeout: 5000 }).toBe(false)
})

test('a client that resumes at another process gets an end that it has read once more, in its place', async () => {
  const { laptop } = await cutOff('c2')
  const { server: other } = await start()
  const moved = open(other, 'c2', 'laptop')
  moved.messages = laptop.messages
  await moved.resumeStream()
  expect(moved.messages).toEqual(laptop.messages)
  expect(moved.status).toBe('ready')
  await expect.poll(() => isTold(other, 'c2', 'laptop'), { timeout: 5000 }).toBe(false)
})
