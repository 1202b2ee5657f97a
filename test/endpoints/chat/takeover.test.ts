/** One process drains or dies under an answer that can go on, and another one on the same store answers in its place. */
import { expect, test } from 'vitest'
import { startNetwork } from '../../support/network.ts'
import { ChatChild } from './chat-child.ts'
import { NodeChat, transportOf } from './chat-server.ts'

const WHOLE = '0 1 2 3 4 5 6 7 8 9 10 11 '
const all = [
  ['SIGTERM', 'WorkflowChatTransport'],
  ['SIGTERM', 'createDurableChatTransport'],
  ['SIGKILL', 'WorkflowChatTransport'],
] as const

// Each takes the start of two processes.
test.each(process.env['MILLRACE_LONG'] === undefined ? all.slice(0, 1) : all)(
  'after %s a page over %s goes on by itself where another process answers',
  async (signal, stock) => {
    await using first = await ChatChild.start()
    await using second = await first.beside()
    await using network = await startNetwork(first.port)
    const address = `http://127.0.0.1:${network.port}/api/counting`
    const chat = new NodeChat('c1', transportOf(stock, address, { chat: 'c1' }))
    const sending = chat.sendMessage({ text: 'Count' })
    await expect.poll(() => chat.text, { interval: 10 }).toMatch(/^0 1 2 /)
    network.lead(second.port)
    await first.end(signal)
    await sending
    expect([chat.status, chat.text]).toEqual(['ready', WHOLE])
    expect(chat.statuses).not.toContain('error')
    expect(chat.messages.map(({ parts }) => parts.length)).toEqual([1, 1])
  },
)
