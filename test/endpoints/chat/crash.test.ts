/** What the transports make of a server that is killed, as they are published. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { takeUnhandledRejections } from '../../support/unhandled-rejections.ts'
import { NodeChat, STOCK, type Stock, transportOf } from './chat-server.ts'

let folder: string
let server: ChildProcess
const servers = new Set<ChildProcess>()

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chat-'))
})

afterEach(async () => {
  for (const one of servers) await kill(one)
  servers.clear()
  await rm(folder, { recursive: true, force: true })
})

const start = async (port = 0, ends = '') => {
  const options = { execArgv: ['--conditions=millrace:source'] }
  const args = [join(folder, 'data.db'), String(port), ends]
  server = fork('test/endpoints/chat/chat-process.ts', args, options)
  servers.add(server)
  const [listening] = (await once(server, 'message')) as [number]
  return listening
}

const kill = async (one = server) => {
  if (one.exitCode !== null || one.signalCode !== null) return
  const gone = once(one, 'exit')
  one.kill('SIGKILL')
  await gone
}

const isLong = process.env['MILLRACE_LONG'] !== undefined

/** Each takes the start of two processes, and a lease of a second that runs out. */
test.each(isLong ? STOCK : (['WebSocketChatTransport'] as const))(
  'crash: over %s no page is ready with half an answer, before and after the server is back',
  async (stock) => {
    const port = await start()
    const open = () =>
      new NodeChat('c1', transportOf(stock, `http://127.0.0.1:${port}/api/chat`, { chat: 'c1' }))
    const chat = open()
    // Of the client of Durable Streams, whose `closed` rejects as its body does.
    using unhandled = takeUnhandledRejections()
    const sending = chat.sendMessage({ text: 'Hello' })
    await expect.poll(() => chat.text, { timeout: 5000 }).toBe('One two')
    await kill()
    await sending
    expect(chat.status).toBe('error')
    expect(chat.text).toBe('One two')
    await expect
      .poll(() => unhandled.reasons)
      .toEqual(stock === 'createDurableChatTransport' ? [chat.error] : [])
    await start(port)
    const back = open()
    await back.resumeStream()
    expect(back.status).toBe('error')
    expect(back.error?.message).toMatch(/interrupted in the middle of this answer/)
    expect(back.text).toBe('One two')
  },
)

test('crash: an answer that can be resumed goes on from its checkpoint, and is whole', async () => {
  const port = await start()
  const open = () =>
    new NodeChat('c1', transportOf('WebSocketChatTransport', `http://127.0.0.1:${port}/api/counting`))
  const chat = open()
  const sending = chat.sendMessage({ text: 'Count' })
  await expect.poll(() => chat.text, { timeout: 5000, interval: 10 }).toMatch(/^0 1 2 /)
  await kill()
  await sending
  await start(port)
  const back = open()
  await back.resumeStream()
  expect([back.status, back.text]).toEqual(['ready', '0 1 2 3 4 5 6 7 8 9 10 11 '])
})

const again = (stock: Stock, port: number) =>
  new NodeChat('c1', transportOf(stock, `http://127.0.0.1:${port}/api/again`, { chat: 'c1' }))
const WHOLE = [{ type: 'step-start' }, { type: 'text', text: 'One two three.', state: 'done' }]

test.each(isLong ? STOCK : (['DefaultChatTransport'] as const))(
  'crash: over %s an answer that is asked for again is whole, and there once, when the server is back',
  async (stock) => {
    const port = await start()
    const chat = again(stock, port)
    using unhandled = takeUnhandledRejections()
    const sending = chat.sendMessage({ text: 'Hello' })
    await expect.poll(() => chat.text, { timeout: 5000 }).toBe('One two')
    await kill()
    await start(port, 'ends')
    // The client of Durable Streams asks again, or gives up: that depends on where the connection breaks.
    await sending
    expect(unhandled.reasons.length).toBeLessThan(2)
    if (stock !== 'createDurableChatTransport') expect(chat.status).toBe('error')
    // Workflow shows what is replayed behind what it has, until it is loaded anew.
    const pages = stock === 'WorkflowChatTransport' ? [again(stock, port)] : [again(stock, port), chat]
    for (const page of pages) {
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
    const dying = server_(await start())
    const asking = again('DefaultChatTransport', dying.port)
    const sending = asking.sendMessage({ text: 'Hello' })
    await expect.poll(() => asking.text, { timeout: 5000 }).toBe('One two')
    const { port } = server_(await start(0, 'ends'))
    const tab = again(stock, port)
    const following = tab.resumeStream()
    await expect.poll(() => tab.text, { timeout: 5000 }).toBe('One two')
    await kill(dying.process)
    await Promise.all([sending, following])
    expect(tab.status).toBe('ready')
    expect(JSON.parse(JSON.stringify(tab.messages.at(-1)?.parts))).toEqual(WHOLE)
    const late = again(stock, port)
    await late.resumeStream()
    expect(late.messages.at(-1)?.parts ?? WHOLE).toMatchObject(WHOLE)
  },
)

function server_(port: number): { readonly port: number; readonly process: ChildProcess } {
  return { port, process: server }
}
