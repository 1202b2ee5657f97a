/** Sends that wait for their turn, over HTTP: what their client hears until then. */
import { afterEach, expect, test } from 'vitest'
import { memory } from '../../../src/index.ts'
import {
  type ChatServer,
  type ChatServerOptions,
  NodeChat,
  Script,
  type Stock,
  startChats,
  transportOf,
} from './chat-server.ts'

const servers: ChatServer[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]()
})

const start = async (options: Partial<ChatServerOptions> = {}) => {
  const script = new Script()
  const server = await startChats({
    source: script.source,
    whileBusy: 'queue',
    signInterval: 0.05,
    ...options,
  })
  servers.push(server)
  return { server, script }
}

/** A chat in which an answer is being written that says "One". */
const busy = async (options: Partial<ChatServerOptions> = {}) => {
  const { server, script } = await start(options)
  const page = open(server, 'DefaultChatTransport')
  const sending = page.sendMessage({ text: 'Hello' })
  script.say('One')
  await expect.poll(() => page.text).toBe('One')
  return { server, script, page, sending }
}

const open = ({ address }: ChatServer, stock: Stock) =>
  new NodeChat('c1', transportOf(stock, address, { chat: 'c1' }))
const question = { id: 'q2', role: 'user', parts: [{ type: 'text', text: 'And?' }] }
const post = ({ address }: ChatServer, path = '') =>
  fetch(`${address}${path}`, {
    method: 'POST',
    headers: { 'content-type': path === '' ? 'application/json' : 'text/plain' },
    body: JSON.stringify({ id: 'c1', messages: [question] }),
  })
const queued = async ({ chats }: ChatServer) => (await chats.get('c1'))?.queue ?? []

/** Reads on until the text has come. */
const readUntil = async (reader: ReadableStreamDefaultReader<Uint8Array>, text: string) => {
  let read = ''
  while (!read.includes(text)) {
    const { value, done } = await reader.read()
    if (done) throw new Error(`It ended with ${JSON.stringify(read)}`)
    read += Buffer.from(value).toString()
  }
  return read
}

test.each(['', '/workflow'])(
  'a send to %j that waits has headers at once, and signs of life',
  async (path) => {
    const { server, script, sending } = await busy()
    const answer = await post(server, path)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    const [{ ask } = {}] = await queued(server)
    if (path !== '') expect(answer.headers.get('x-workflow-run-id')).toBe(ask?.run)
    const reader = answer.body?.getReader() as ReadableStreamDefaultReader<Uint8Array>
    expect(await readUntil(reader, ':\n\n:\n\n:\n\n')).toMatch(/^(:\n\n)+$/)
    script.end()
    await sending
    expect(await readUntil(reader, '[DONE]')).toContain('"type":"finish"')
  },
)

test.each(['DefaultChatTransport', 'WorkflowChatTransport'] as const)(
  'a page of %s is submitted while its send waits, whatever signs of life come, and then has its answer',
  async (stock) => {
    const { server, script, page, sending } = await busy()
    const tab = open(server, stock)
    const waiting = tab.sendMessage({ text: 'And?' })
    await expect.poll(() => queued(server)).toHaveLength(1)
    // Time for some signs of life: the other page has read on meanwhile.
    for (const word of [' and', ' on']) {
      script.say(word)
      await expect.poll(() => page.text).toMatch(new RegExp(`${word}$`))
    }
    expect(tab.statuses).toEqual(['submitted'])
    script.end()
    await Promise.all([sending, waiting])
    expect(tab.status).toBe('ready')
    expect(tab.messages).toHaveLength(2)
  },
)

test('a send that is taken back while it waits is an error of its page', async () => {
  const { server, script, sending } = await busy()
  const tab = open(server, 'DefaultChatTransport')
  const waiting = tab.sendMessage({ text: 'And?' })
  await expect.poll(() => queued(server)).toHaveLength(1)
  const [{ ask } = {}] = await queued(server)
  await server.chats.takeBack('c1', ask?.run ?? '')
  await waiting
  expect(tab.status).toBe('error')
  expect(tab.error?.message).toMatch(/was taken back/)
  script.end()
  await sending
})

test('a client of Workflow that was cut off comes back by its run while that waits, to any process', async () => {
  const store = memory()
  const { server, script, sending } = await busy({ store })
  const sent = await post(server, '/workflow')
  await sent.body?.cancel()
  const [{ ask } = {}] = await queued(server)
  const { server: other } = await start({ store })
  const answers = await Promise.all(
    [server, other].map(({ address }) => fetch(`${address}/workflow/${ask?.run}/stream?startIndex=0`)),
  )
  script.end()
  await sending
  for (const answer of answers) {
    expect(answer.headers.get('x-workflow-run-id')).toBe(ask?.run)
    const chunks = (await answer.text()).split('\n\n').filter((event) => event.startsWith('data:'))
    expect(JSON.parse(chunks[0]?.slice(5) ?? '')).toEqual({ type: 'start', messageId: ask?.run })
    expect(chunks.at(-1)).toBe('data: [DONE]')
  }
})

test('at a drain a waiting send breaks, and its message is answered by the next server', async () => {
  const store = memory()
  const { server, sending } = await busy({ store })
  const tab = open(server, 'DefaultChatTransport')
  const waiting = tab.sendMessage({ text: 'And?' })
  await expect.poll(() => queued(server)).toHaveLength(1)
  await server.drain()
  servers.splice(0)
  await Promise.all([sending, waiting])
  expect(tab.status).toBe('error')
  const next = await start({ store })
  next.script.end()
  await expect
    .poll(async () => ((await next.server.chats.get('c1'))?.messages ?? []).length, { timeout: 5000 })
    .toBe(4)
})
