/** The transport of our own, and servers that are killed and restarted: on one file, in processes of their own. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { NodeChat } from '../../endpoints/chat/chat-server.ts'
import { TcpBalancer } from '../../support/tcp-balancer.ts'
import { type Page, WAYS, clientOptions, openPage } from './pages.ts'

interface Server {
  readonly child: ChildProcess
  readonly port: number
}

let folder: string
const servers: Server[] = []
const pages: Page[] = []

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chat-client-'))
})

afterEach(async () => {
  for (const page of pages.splice(0)) page[Symbol.dispose]()
  await Promise.all(servers.splice(0).map((one) => end(one, 'SIGKILL')))
  await rm(folder, { recursive: true, force: true })
})

const start = async (port = 0): Promise<Server> => {
  const options = { execArgv: ['--conditions=millrace:source'] }
  const file = join(folder, 'data.db')
  const child = fork('test/endpoints/chat/chat-process.ts', [file, String(port)], options)
  const [listening] = (await once(child, 'message')) as [number]
  const server = { child, port: listening }
  servers.push(server)
  return server
}

const end = async ({ child }: Server, signal: NodeJS.Signals) => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}

const open = (port: number, way: (typeof WAYS)[number], path = '/api/counting'): NodeChat => {
  const page = openPage(clientOptions(`http://127.0.0.1:${port}${path}`, way))
  pages.push(page)
  return page.open()
}

/** Each takes the start of two processes. Of those that differ in how, CI has one. */
const isLong = process.env['MILLRACE_LONG'] !== undefined
const ways = isLong ? WAYS : (['the socket'] as const)
const signals = isLong ? (['SIGKILL', 'SIGTERM'] as const) : (['SIGKILL'] as const)

const COUNTED = '0 1 2 3 4 5 6 7 8 9 10 11 '

const isUndisturbed = ({ statuses, errors }: NodeChat): void => {
  expect(errors).toEqual([])
  expect(Array.from(new Set(statuses))).toEqual(['submitted', 'streaming', 'ready'])
}

test.each(ways)(
  'over %s an answer that goes on after a kill is shown whole',
  async (way) => {
    const server = await start()
    const chat = open(server.port, way)
    const sending = chat.sendMessage({ text: 'Count' })
    await expect.poll(() => chat.text, { timeout: 10_000 }).toMatch(/^0 1 2 /)
    await end(server, 'SIGKILL')
    await start(server.port)
    await sending
    isUndisturbed(chat)
    expect(chat.text).toBe(COUNTED)
  },
  60_000,
)

test('an answer that a kill ends is an error with why, once the server is back', async () => {
  const server = await start()
  const chat = open(server.port, 'the socket', '/api/chat')
  const sending = chat.sendMessage({ text: 'Hello' })
  await expect.poll(() => chat.text, { timeout: 10_000 }).toBe('One two')
  await end(server, 'SIGKILL')
  await start(server.port)
  await sending
  expect([chat.status, chat.text]).toEqual(['error', 'One two'])
  expect(chat.error?.message).toMatch(/interrupted in the middle of this answer/)
}, 60_000)

test('a message that is sent while the server is away is answered once it is back', async () => {
  const server = await start()
  await end(server, 'SIGKILL')
  const chat = open(server.port, 'the socket')
  const sending = chat.sendMessage({ text: 'Count' })
  await start(server.port)
  await sending
  isUndisturbed(chat)
  expect(chat.text).toBe(COUNTED)
}, 60_000)

test.each(signals)(
  'with two processes, %s of the one that answers, and of the one that is read from, is not seen',
  async (signal) => {
    const both = await Promise.all([start(), start()])
    let turn = 0
    const backends = () => both.map(({ port }) => port)
    const balancer = await TcpBalancer.start({ backends, pick: () => turn })
    try {
      const chat = open(balancer.port, 'the socket')
      const sending = chat.sendMessage({ text: 'Count' })
      await expect.poll(() => chat.text, { timeout: 10_000 }).toMatch(/^0 1 2 /)
      turn = 1
      await end(both[0], signal)
      await sending
      isUndisturbed(chat)
      expect(chat.text).toBe(COUNTED)
    } finally {
      await balancer.close()
    }
  },
  60_000,
)
