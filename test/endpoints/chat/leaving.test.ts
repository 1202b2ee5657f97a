/** Pages that leave in the moment of their send: the message is kept and answered, and they may come back for it. */
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { memory } from '../../../src/index.ts'
import { InterposedStore } from '../../runs/interposed-store.ts'
import { WebSocketClient } from '../../support/websocket-client.ts'
import { type ChatServer, Script, startChats } from './chat-server.ts'

let server: ChatServer
let hand: InterposedStore
/** Chats whose answer began. */
let begun: string[]

beforeEach(async () => {
  begun = []
  hand = new InterposedStore(memory())
  const script = new Script()
  server = await startChats({
    store: hand.store,
    source: (request) => {
      begun.push(request.chat)
      return script.source(request)
    },
  })
})

afterEach(() => server[Symbol.asyncDispose]())

const sendOf = (id: string) => ({
  id: 'c1',
  trigger: 'submit-message',
  messages: [{ id, role: 'user', parts: [{ type: 'text', text: 'Hello' }] }],
})

const post = (id: string, signal?: AbortSignal) =>
  fetch(server.address, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(sendOf(id)),
    ...(signal && { signal }),
  })

/** Lets the message be kept only when it is released, as a store far away does. */
function holdSend(): () => void {
  const held = Promise.withResolvers<void>()
  hand.around = async (method, call, args) => {
    if (method !== 'create') return call()
    hand.around = (_method, next) => next()
    await held.promise
    const result = await call()
    // Who left hears no answer.
    args.find((arg) => arg instanceof AbortSignal)?.throwIfAborted()
    return result
  }
  return held.resolve
}

test('a message whose page leaves while it is being kept is answered, and the next is not refused for it', async () => {
  const release = holdSend()
  const connected = server.server.nextSocket()
  const leaving = new AbortController()
  const sending = post('m1', leaving.signal).catch((error: unknown) => error)
  await expect.poll(() => hand.count('create')).toBe(1)
  const gone = once(await connected, 'close')
  leaving.abort()
  await gone
  release()
  expect(await sending).toHaveProperty('name', 'AbortError')
  await expect.poll(() => begun).toEqual(['c1'])
  const next = await post('m2')
  expect(next.status).toBe(200)
  await next.body?.cancel()
})

test('a page that detaches before its answer began resumes it over the same socket', async () => {
  const release = holdSend()
  await using page = await WebSocketClient.connect(server.address.replace('http', 'ws'))
  const headersAndBody = { headers: {}, body: {} }
  page.sendJson({ type: 'send', requestId: 'r1', ...headersAndBody, ...sendOf('m1') })
  page.sendJson({ type: 'abort', requestId: 'r1' })
  // Looked for behind the abort.
  page.sendJson({ type: 'resume', requestId: 'r2', id: 'c2', ...headersAndBody })
  await expect.poll(() => hand.count('head')).toBeGreaterThanOrEqual(2)
  release()
  await expect.poll(() => begun).toEqual(['c1'])
  page.sendJson({ type: 'resume', requestId: 'r3', id: 'c1', ...headersAndBody })
  expect(JSON.parse(String(await page.receive()))).toEqual({ type: 'start', requestId: 'r3' })
})
