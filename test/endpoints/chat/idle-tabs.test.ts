/** Resumes that wait for an answer to begin, with the transports as published. */
import { once } from 'node:events'
import type { UIMessage } from 'ai'
import { memory } from '../../../src/index.ts'
import { afterEach, describe, expect, test } from 'vitest'
import { InterposedStore } from '../../runs/interposed-store.ts'
import {
  type ChatServer,
  type ChatServerOptions,
  NodeChat,
  Script,
  type Stock,
  startChats,
  transportOf,
} from './chat-server.ts'

let server: ChatServer

afterEach(() => server[Symbol.asyncDispose]())

const start = async (options: Partial<ChatServerOptions> = {}) => {
  const script = new Script()
  server = await startChats({ source: script.source, ...options })
  return script
}
const tab = (stock: Stock, options = {}) =>
  new NodeChat('c1', transportOf(stock, server.address), [], options)

describe.each(['DefaultChatTransport', 'WebSocketChatTransport'] as const)('%s', (stock) => {
  test('a resume waits, and shows the answer that another tab asks for', async () => {
    const script = await start()
    await server.chats.add('c1', [greeting])
    const idle = tab(stock)
    const waiting = idle.resumeStream()
    const page = tab(stock)
    const sending = page.sendMessage({ text: 'Hello' })
    script.end()
    await Promise.all([waiting, sending])
    expect(idle.statuses).toEqual(['submitted', 'streaming', 'ready'])
    expect(idle.messages.at(-1)).toEqual(page.messages.at(-1))
  })

  test('a tab that waits in a chat which it then writes in shows its answer once', async () => {
    const script = await start()
    await server.chats.add('c1', [greeting])
    const page = tab(stock)
    const waiting = page.resumeStream()
    script.end()
    await page.sendMessage({ text: 'Again' })
    // Over HTTP the answer comes on both ways.
    if (stock === 'DefaultChatTransport') await waiting
    expect(page.status).toBe('ready')
    expect(page.messages.map(({ role }) => role)).toEqual(['user', 'assistant'])
    await page.stop()
  })
})

test('over WebSocket one line in the page arms the next resume, and no answer is told twice', async () => {
  const script = await start()
  await server.chats.add('c1', [greeting])
  const page = tab('WebSocketChatTransport')
  const shown: string[] = []
  const idle: NodeChat = tab('WebSocketChatTransport', {
    onFinish: ({ message }: { message: UIMessage }) => {
      shown.push(message.id)
      queueMicrotask(() => void idle.resumeStream())
    },
  })
  script.end()
  void idle.resumeStream()
  for (const [index, text] of ['One', 'Two', 'Three'].entries()) {
    await page.sendMessage({ text })
    await expect.poll(() => shown.length).toBe(index + 1)
  }
  const answers = page.messages.filter(({ role }) => role === 'assistant')
  expect(shown).toEqual(answers.map(({ id }) => id))
  await idle.stop()
})

test('over HTTP a resume is answered 204 in time, and at once where three wait', async () => {
  await start({ holdFor: 0.3 })
  await server.chats.add('c1', [greeting])
  const ask = () =>
    fetch(`${server.address}/c1/stream`).then(({ status }) => ({ status, at: performance.now() }))
  const began = performance.now()
  const asked = await Promise.all([ask(), ask(), ask(), ask()])
  expect(asked.map(({ status }) => status)).toEqual([204, 204, 204, 204])
  const waits = asked.map(({ at }) => at - began).toSorted((a, b) => a - b)
  expect(waits[0]).toBeLessThan(250)
  expect(waits[1]).toBeGreaterThan(250)
})

test('a resume that has waited for long enough while the store is asked is answered 204, too', async () => {
  const hand = new InterposedStore(memory())
  await start({ store: hand.store, holdFor: 0.05 })
  hand.around = async (method, call, args) => {
    const signal = args.find((arg) => arg instanceof AbortSignal)
    if (method !== 'head' || !signal) return call()
    if (!signal.aborted) await once(signal, 'abort')
    throw signal.reason
  }
  const { status } = await fetch(`${server.address}/c1/stream`)
  expect(status).toBe(204)
  hand.around = (_method, call) => call()
})

test('a resume that waits ends without a word when the server drains', async () => {
  await start()
  await server.chats.add('c1', [greeting])
  const http = tab('DefaultChatTransport')
  const waiting = http.resumeStream()
  // The chat is followed, so the resume has come.
  await expect.poll(() => server.streams.delivery.streams).toBe(1)
  await server.drain()
  await waiting
  expect(http.status).toBe('ready')
  expect(http.errors).toEqual([])
})

test('a resume that waits beside the send of its page breaks when the server drains, as does the answer', async () => {
  const script = await start()
  const waiting = fetch(`${server.address}/c1/stream`)
  const page = tab('DefaultChatTransport')
  const sending = page.sendMessage({ text: 'Hello' })
  script.say('One', ' two')
  await expect.poll(() => page.text).toBe('One two')
  const resumed = (await waiting).text()
  resumed.catch(() => undefined)
  await server.drain()
  await expect(resumed).rejects.toThrow('terminated')
  await sending
  expect(page.status).toBe('error')
})

test('a resume that waits for what begins elsewhere breaks when the server drains, as a 204 says that all is well', async () => {
  const store = memory()
  let looks = 0
  const head: typeof store.head = (...args) => {
    looks++
    return store.head(...args)
  }
  const script = await start({ store: Object.assign(Object.create(store) as typeof store, { head }) })
  await using other = await startChats({ source: script.source, store })
  // Of a chat without an owner another process hears within seconds.
  const waiting = fetch(`${server.address}/c1/stream`)
  // It has looked, found nothing, and looked again when it began to wait.
  await expect.poll(() => looks).toBe(2)
  await other.chats.send('c1', { message: { ...greeting, role: 'user' } })
  waiting.catch(() => undefined)
  await server.drain()
  await expect(waiting).rejects.toThrow('fetch failed')
})

const greeting = { id: 'm0', role: 'assistant', parts: [{ type: 'text', text: 'Hello' }] }
