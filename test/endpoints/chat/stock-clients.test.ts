/** Transport x event, with the transports as published, in Node. docs/ai-sdk.md has the table. */
import { afterEach, describe, expect, test } from 'vitest'
import { memory } from '../../../src/index.ts'
import { takeUnhandledRejections } from '../../support/unhandled-rejections.ts'
import { WebSocketClient } from '../../support/websocket-client.ts'
import {
  type ChatServer,
  type ChatServerOptions,
  NodeChat,
  STOCK,
  Script,
  startChats,
  textOf,
  transportOf,
} from './chat-server.ts'

describe.each(STOCK)('%s', (stock) => {
  const servers: ChatServer[] = []

  afterEach(async () => {
    for (const server of servers.splice(0)) await server[Symbol.asyncDispose]()
  })

  const start = async (options: ChatServerOptions) => {
    const server = await startChats(options)
    servers.push(server)
    return server
  }
  const open = ({ address }: ChatServer, id = 'c1', messages = undefined as never) =>
    new NodeChat(id, transportOf(stock, address, { chat: id }), messages)
  const keptText = async ({ chats }: ChatServer) =>
    textOf((await chats.get('c1'))?.messages.at(-1)?.message as never)

  /** A page that has sent a message, and half the answer. */
  const begin = async (more: Partial<ChatServerOptions> = {}) => {
    const script = new Script()
    const server = await start({ source: script.source, ...more })
    const chat = open(server)
    const sending = chat.sendMessage({ text: 'Hello' })
    script.say('One', ' two')
    await expect.poll(() => chat.text).toBe('One two')
    return { script, server, chat, sending }
  }

  test('end: the answer is whole, and kept as it was shown', async () => {
    const { script, server, chat, sending } = await begin()
    script.say(' three.')
    script.end()
    await sending
    expect(chat.status).toBe('ready')
    expect(chat.text).toBe('One two three.')
    await expect.poll(() => keptText(server)).toBe('One two three.')
    const { messages } = (await server.chats.get('c1')) ?? {}
    expect(messages?.map(({ message }) => message)).toEqual(JSON.parse(JSON.stringify(chat.messages)))
  })

  test('stop: by whoever asks; the page is ready with what came, and it is kept', async () => {
    const { script, server, chat, sending } = await begin()
    const answer = await fetch(`${server.address}/c1/stop`, { method: 'POST' })
    expect(await answer.json()).toEqual({ status: 'stopped' })
    await sending
    expect(chat.status).toBe('ready')
    expect(chat.text).toBe('One two')
    expect(script.aborted).toBe(true)
    await expect.poll(() => keptText(server)).toBe('One two')
    // The next turn goes on from there.
    script.end()
    await chat.sendMessage({ text: 'Again' })
    expect(chat.status).toBe('ready')
    expect(chat.messages).toHaveLength(4)
  })

  test('failure: the page has an error, and what came', async () => {
    const { script, server, chat, sending } = await begin()
    script.give({ type: 'error', errorText: 'The model is out of order.' })
    await sending
    expect(chat.status).toBe('error')
    expect(chat.error?.message).toBe('The model is out of order.')
    expect(chat.text).toBe('One two')
    await expect.poll(() => keptText(server)).toBe('One two')
  })

  test('drain: the page has an error, and resumes to how it ended', async () => {
    const store = memory()
    const { server, chat, sending } = await begin({ store })
    const { port } = server.server.running
    await server.drain()
    servers.splice(0)
    // It asks until it is answered.
    const isPatient = stock === 'createDurableChatTransport'
    if (!isPatient) {
      await sending
      expect(chat.status).toBe('error')
      expect(chat.text).toBe('One two')
    }
    await start({ source: new Script().source, store, port })
    await (isPatient ? sending : chat.resumeStream())
    expect(chat.status).toBe('error')
    expect(chat.error?.message).toMatch(/interrupted in the middle of this answer/)
    expect(chat.text).toBe('One two')
  })

  test('leaving ends nothing: a page that comes back has the whole answer once', async () => {
    const { script, server, chat, sending } = await begin()
    await chat.stop()
    await sending
    script.say(' three')
    const back = open(server)
    const resuming = back.resumeStream()
    await expect.poll(() => back.text).toBe('One two three')
    script.say(' four.')
    script.end()
    await resuming
    expect(back.status).toBe('ready')
    expect(back.text).toBe('One two three four.')
    expect(back.messages).toHaveLength(1)
    expect(script.aborted).toBe(false)
  })

  test('a page that was cut off resumes after the end, and has all of it', async () => {
    const { script, server, chat, sending } = await begin()
    server.server.running.server.closeAllConnections()
    await chat.stop()
    await sending
    script.say(' three.')
    script.end()
    await expect.poll(() => keptText(server)).toBe('One two three.')
    await chat.resumeStream()
    expect(chat.status).toBe('ready')
    expect(chat.text).toBe('One two three.')
    expect(chat.messages).toHaveLength(2)
  })

  test('a second tab sees the answer as it comes', async () => {
    const { script, server, chat, sending } = await begin()
    const tab = open(server)
    const resuming = tab.resumeStream()
    await expect.poll(() => tab.text).toBe('One two')
    script.say(' three.')
    script.end()
    await Promise.all([resuming, sending])
    expect(tab.text).toBe(chat.text)
    expect(tab.messages.at(-1)).toEqual(chat.messages.at(-1))
  })

  test('a send whose sender left replaces the answer', async () => {
    const { script, chat, sending, server } = await begin()
    await chat.stop()
    await sending
    await expect.poll(() => server.streams.delivery.streams).toBe(0)
    const again = chat.sendMessage({ text: 'Something else' })
    await expect.poll(() => script.aborted).toBe(true)
    script.end()
    await again
    expect(chat.status).toBe('ready')
    const { messages } = (await server.chats.get('c1')) ?? {}
    expect(messages?.map(({ message }) => message.role)).toEqual(['user', 'assistant', 'user', 'assistant'])
  })

  test('a second send is refused while an answer is being written', async () => {
    const { script, server, sending } = await begin()
    const tab = open(server)
    await tab.sendMessage({ text: 'Me too' })
    expect(tab.status).toBe('error')
    expect(tab.error?.message).toMatch(/An answer is being written in this chat/)
    script.end()
    await sending
  })

  test('a second send waits for its turn where the chat says so', async () => {
    const { script, server, chat, sending } = await begin({ whileBusy: 'queue' })
    const tab = open(server)
    const waiting = tab.sendMessage({ text: 'Me too' })
    await expect.poll(async () => (await server.chats.get('c1'))?.queue.length).toBe(1)
    expect(tab.status).toBe('submitted')
    script.end()
    await Promise.all([sending, waiting])
    expect([chat.status, tab.status]).toEqual(['ready', 'ready'])
    const { messages } = (await server.chats.get('c1')) ?? {}
    expect(messages?.map(({ message }) => message.role)).toEqual(['user', 'assistant', 'user', 'assistant'])
  })

  test('expiry: an answer that goes away under its reader is an error', async () => {
    // Of the client of Durable Streams, whose `closed` rejects as its body does.
    using unhandled = takeUnhandledRejections()
    const { server, chat, sending, script } = await begin()
    const { active } = (await server.chats.get('c1')) ?? {}
    await server.streams.store.delete(active?.run ?? '')
    script.say(' three')
    await sending
    expect(chat.status).toBe('error')
    expect(chat.text).toBe('One two')
    await expect
      .poll(() => unhandled.reasons)
      .toEqual(stock === 'createDurableChatTransport' ? [chat.error] : [])
  })
})

test('an answer of 20,000 deltas is joined late by few chunks', async () => {
  const script = new Script()
  await using server = await startChats({ source: script.source })
  const { run } = await server.chats.send('c1', { message: { id: 'm1', role: 'user' } })
  const words = Array.from({ length: 20_000 }, (_, n) => `${n} `)
  script.say(...words)
  const position = async () => (await server.streams.store.head(run))?.tail.position
  await expect.poll(position, { timeout: 20_000 }).toBe(20_002)
  const socket = await WebSocketClient.connect(server.address.replace('http', 'ws'))
  socket.sendJson({ type: 'resume', requestId: 'r', id: 'c1', headers: {}, body: {} })
  const answer = await fetch(`${server.address}/c1/stream`)
  script.end()
  const events = (await answer.text()).split('\n\n').filter((event) => event.startsWith('data:'))
  expect(events.length).toBeLessThan(50)
  const frames: string[] = []
  while (!frames.at(-1)?.startsWith('{"type":"end"')) frames.push(String(await socket.receive()))
  expect(frames.length).toBeLessThan(50)
  const said = events.slice(0, -1).map((event) => JSON.parse(event.slice(6)) as { delta?: string })
  expect(said.map(({ delta }) => delta ?? '').join('')).toBe(words.join(''))
})
