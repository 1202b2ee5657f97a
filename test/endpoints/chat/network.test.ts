/** What each transport, as published, makes of a network that goes away in the middle of an answer. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { takeUnhandledRejections } from '../../support/unhandled-rejections.ts'
import { type Network, startNetwork } from '../../support/network.ts'
import { type ChatServer, NodeChat, STOCK, Script, startChats, transportOf } from './chat-server.ts'

/** Milliseconds that it is away. */
const AWAY = process.env['MILLRACE_LONG'] === undefined ? 300 : 10_000

let script: Script
let server: ChatServer
let network: Network

beforeEach(async () => {
  script = new Script()
  server = await startChats({ source: script.source })
  network = await startNetwork(server.server.running.port)
})

afterEach(async () => {
  await network[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
})

describe.each(STOCK)('%s', (stock) => {
  const open = () =>
    new NodeChat('c1', transportOf(stock, `http://127.0.0.1:${network.port}/api/chat`, { chat: 'c1' }))

  /** A page that has half of its answer. */
  const begin = async () => {
    const chat = open()
    const sending = chat.sendMessage({ text: 'Hello' })
    script.say('One', ' two')
    await expect.poll(() => chat.text).toBe('One two')
    return { chat, sending }
  }
  const whole = async (chat: NodeChat) => {
    expect(chat.status).toBe('ready')
    const kept = async () => (await server.chats.get('c1'))?.messages.map(({ message }) => message)
    await expect.poll(kept).toEqual(JSON.parse(JSON.stringify(chat.messages)))
    expect(chat.messages[1]?.parts).toMatchObject([{ type: 'text', text: 'One two three four.' }])
  }

  test('a network that is silent for a while costs nothing', async () => {
    const { chat, sending } = await begin()
    network.leave('silent')
    script.say(' three')
    await sleep(AWAY)
    expect(chat.text).toBe('One two')
    expect(chat.status).toBe('streaming')
    network.comeBack()
    script.say(' four.')
    script.end()
    await sending
    await whole(chat)
  })

  test('a connection that breaks, and can be made again only later, is an error, and the page resumes', async () => {
    const { chat, sending } = await begin()
    // Of the client of Durable Streams, whose `closed` rejects as its body does.
    using _unhandled = takeUnhandledRejections()
    network.leave('cut')
    script.say(' three')
    // The client of Durable Streams asks again, or gives up: that depends on where the connection breaks.
    if (stock !== 'createDurableChatTransport') {
      await sending
      expect(chat.status).toBe('error')
      expect(chat.text).toBe('One two')
    }
    await sleep(AWAY)
    network.comeBack()
    script.say(' four.')
    script.end()
    await sending
    if (chat.status === 'error') await chat.resumeStream()
    await whole(chat)
  })
})

test('over Workflow a connection that breaks is made again at once, and the answer goes on at the exact chunk', async () => {
  const address = `http://127.0.0.1:${network.port}/api/chat`
  const chat = new NodeChat('c1', transportOf('WorkflowChatTransport', address, { chat: 'c1' }))
  const sending = chat.sendMessage({ text: 'Hello' })
  script.say('One', ' two')
  await expect.poll(() => chat.text).toBe('One two')
  network.leave('cut')
  network.comeBack()
  script.say(' three.')
  script.end()
  await sending
  expect(chat.status).toBe('ready')
  expect(chat.messages[1]?.parts).toMatchObject([{ type: 'text', text: 'One two three.' }])
})
