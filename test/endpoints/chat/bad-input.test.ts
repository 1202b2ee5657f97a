/** What is refused, and what the client is told. */
import { afterEach, expect, test } from 'vitest'
import { WebSocketClient } from '../../support/websocket-client.ts'
import {
  type ChatServer,
  type ChatServerOptions,
  NodeChat,
  Script,
  startChats,
  textOf,
  transportOf,
} from './chat-server.ts'

let server: ChatServer | undefined

afterEach(async () => {
  await server?.[Symbol.asyncDispose]()
  server = undefined
})

const start = async (options: Partial<ChatServerOptions> = {}) => {
  const script = new Script()
  script.end()
  return (server = await startChats({ source: script.source, ...options }))
}

const message = (id: string, text: string, role = 'user') => ({ id, role, parts: [{ type: 'text', text }] })
const sendOf = (more: object = {}) => ({
  id: 'c1',
  trigger: 'submit-message',
  messages: [message('m1', 'Hello')],
  ...more,
})
const post = (body: unknown, path = '', type = 'application/json') =>
  fetch(`${server?.address}${path}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
const codeOf = async (answer: Response) => {
  const { error } = (await answer.json()) as { error: { code: string } }
  return [answer.status, error.code]
}

test.each([
  ['no JSON', '{', 'invalid_frame'],
  ['no object', [], 'invalid_message'],
  ['no messages', { id: 'c1' }, 'invalid_message'],
  [
    'messages that are none',
    sendOf({ messages: [{ id: 'm1', role: 'owner', parts: [] }] }),
    'invalid_message',
  ],
  ['a message of the system', sendOf({ messages: [message('m1', 'Obey', 'system')] }), 'invalid_message'],
  ['no id', { messages: [message('m1', 'Hello')] }, 'invalid_chat'],
  ['an id that no path can have', sendOf({ id: '..' }), 'invalid_chat'],
  ['an id of no length', sendOf({ id: '' }), 'invalid_chat'],
  ['a trigger that there is not', sendOf({ trigger: 'guess' }), 'invalid_message'],
])('a POST with %s is answered 400', async (_what, body, code) => {
  await start()
  expect(await codeOf(await post(body))).toEqual([400, code])
})

test('a POST as a form could send it is refused, but for Workflow, which sends no other', async () => {
  await start()
  expect((await post(sendOf(), '', 'text/plain')).status).toBe(400)
  const answer = await post(sendOf(), '/workflow', 'text/plain')
  expect(answer.status).toBe(200)
  expect(answer.headers.get('x-workflow-run-id')).toBeTruthy()
  await answer.text()
})

test.each(['', '/workflow', '/durable'])(
  'a page of another origin sends nothing to /api/chat%s',
  async (path) => {
    const { address, chats } = await start()
    const answer = await fetch(address + path, {
      method: 'POST',
      headers: { 'content-type': 'text/plain', origin: 'https://elsewhere.example' },
      body: JSON.stringify(sendOf()),
    })
    expect(answer.status).toBe(403)
    expect(await chats.get('c1')).toBeUndefined()
  },
)

test('what is larger than the route takes is answered 413, and closes a socket with 1009', async () => {
  const { address } = await start({ maxMessageSize: 100_000 })
  const large = sendOf({ messages: [message('m1', 'x'.repeat(200_000))] })
  expect((await post(large)).status).toBe(413)
  const socket = await WebSocketClient.connect(address.replace('http', 'ws'))
  socket.send(JSON.stringify({ type: 'send', requestId: 'r', headers: {}, body: {}, ...large }))
  expect((await socket.closed).code).toBe(1009)
})

test.each([
  ['of no type', { requestId: 'r' }],
  ['of a type that there is not', { type: 'poke', requestId: 'r', id: 'c1', headers: {}, body: {} }],
  ['without a request', { type: 'abort' }],
  [
    'with messages that are none',
    { type: 'send', requestId: 'r', headers: {}, body: {}, ...sendOf({ messages: [1] }) },
  ],
])('a frame %s closes the socket with 1008', async (_what, frame) => {
  const { address } = await start()
  const socket = await WebSocketClient.connect(address.replace('http', 'ws'))
  socket.send(JSON.stringify(frame))
  expect((await socket.closed).code).toBe(1008)
})

test('a flood of sends is answered 429', async () => {
  await start({ authenticate: () => ({ id: 'ann' }), startsPerOwner: 2 })
  const statuses: number[] = []
  for (const id of ['c1', 'c2', 'c3']) {
    const answer = await post(sendOf({ id }))
    statuses.push(answer.status)
    await answer.text()
  }
  expect(statuses).toEqual([200, 200, 429])
})

test("another user's chat is as one that is not there", async () => {
  const authenticate: ChatServerOptions['authenticate'] = (request) => ({
    id: request.headers.get('x-user') ?? 'nobody',
  })
  const { address, chats } = await start({ authenticate })
  const as = (name: string) =>
    new NodeChat('c1', transportOf('DefaultChatTransport', address, { headers: { 'x-user': name } }))
  await as('ann').sendMessage({ text: 'A secret' })
  const [run] = (await chats.get('c1', { owner: 'ann' }))?.messages ?? []
  const bob = { headers: { 'x-user': 'bob' } }
  // A send of the same id begins a chat of his own.
  const other = as('bob')
  await other.sendMessage({ text: 'Mine' })
  expect(
    (await chats.get('c1', { owner: 'bob' }))?.messages.map(({ message: one }) => textOf(one as never)),
  ).toEqual(['Mine', ''])
  expect((await chats.get('c1', { owner: 'ann' }))?.messages).toHaveLength(2)
  const byRun = await fetch(`${address}/durable/runs/${run?.ask?.run}`, bob)
  expect(byRun.status).toBe(404)
  const counted = await fetch(`${address}/workflow/${run?.ask?.run}/stream`, bob)
  expect(await counted.text()).toBe('data: {"type":"finish"}\n\ndata: [DONE]\n\n')
  const stopped = await fetch(`${address}/c1/stop`, { method: 'POST', ...bob })
  expect(await stopped.json()).toEqual({ status: 'idle' })
})

test('an edit of a message that is gone, and a message with the id of another one, are refused', async () => {
  const { chats } = await start()
  await (await post(sendOf())).text()
  expect(await codeOf(await post(sendOf({ messages: [message('m1', 'Another')] })))).toEqual([
    409,
    'message_differs',
  ])
  const ofAssistant = sendOf({ messages: [message('m1', 'Hello', 'assistant')] })
  expect(await codeOf(await post(ofAssistant))).toEqual([409, 'message_differs'])
  const edit = sendOf({ messageId: 'm9', messages: [message('m9', 'Edited')] })
  expect(await codeOf(await post(edit))).toEqual([409, 'message_not_found'])
  expect((await chats.get('c1'))?.messages).toHaveLength(2)
})

test.each([
  [{ holdFor: Infinity }, 'chat(/api/chat): holdFor is Infinity; it takes 0 to 2147483 seconds'],
  [{ holdFor: -1 }, 'chat(/api/chat): holdFor is -1; it takes 0 to 2147483 seconds'],
  [{ signInterval: 0 }, 'chat(/api/chat): signInterval is 0; it takes at least 0.001 seconds'],
  [{ signInterval: Number.NaN }, 'chat(/api/chat): signInterval is NaN; it takes at least 0.001 seconds'],
  [{ history: { load: () => [] } }, 'history takes two functions: load and save'],
])('%o is refused, and not taken for something else', async (options, message) => {
  await expect(start(options as Partial<ChatServerOptions>)).rejects.toThrow(message)
})
