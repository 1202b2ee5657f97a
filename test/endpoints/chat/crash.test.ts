/** What the transports make of a server that is killed, as they are published. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { takeUnhandledRejections } from '../../support/unhandled-rejections.ts'
import { NodeChat, STOCK, transportOf } from './chat-server.ts'

let folder: string
let server: ChildProcess

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chat-'))
})

afterEach(async () => {
  await kill()
  await rm(folder, { recursive: true, force: true })
})

const start = async (port = 0) => {
  const options = { execArgv: ['--conditions=millrace:source'] }
  server = fork('test/endpoints/chat/chat-process.ts', [join(folder, 'data.db'), String(port)], options)
  const [listening] = (await once(server, 'message')) as [number]
  return listening
}

const kill = async () => {
  if (server.exitCode !== null || server.signalCode !== null) return
  const gone = once(server, 'exit')
  server.kill('SIGKILL')
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
