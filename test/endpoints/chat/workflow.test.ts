/** What `WorkflowChatTransport` alone does: it counts chunks, and asks for those it lacks, or for the last ones. */
import { afterEach, expect, test } from 'vitest'
import { startNetwork } from '../../support/network.ts'
import { startCuttingProxy } from '../../support/cutting-proxy.ts'
import { type ChatServer, NodeChat, Script, startChats, transportOf } from './chat-server.ts'

let server: ChatServer

afterEach(() => server[Symbol.asyncDispose]())

/** A page that has half of its answer. */
const begin = async () => {
  const script = new Script()
  server = await startChats({ source: script.source })
  const chat = new NodeChat('c1', transportOf('WorkflowChatTransport', server.address, { chat: 'c1' }))
  const sending = chat.sendMessage({ text: 'Hello' })
  script.say('One', ' two', ' three')
  await expect.poll(() => chat.text).toBe('One two three')
  return { script, chat, sending }
}

test.each([-1, -2, -4, -100])(
  'a page that resumes with startIndex %s has the whole answer, once, as the source gave it',
  async (initialStartIndex) => {
    const { script, chat, sending } = await begin()
    const options = { chat: 'c1', initialStartIndex }
    const back = new NodeChat(
      'c1',
      transportOf('WorkflowChatTransport', server.address, options),
      chat.messages.slice(0, 1),
    )
    const resuming = back.resumeStream()
    await expect.poll(() => back.text).toBe('One two three')
    script.say(' four.')
    script.end()
    await Promise.all([sending, resuming])
    expect(back.status).toBe('ready')
    expect(back.text).toBe('One two three four.')
    expect(back.messages).toEqual(chat.messages)
  },
)

test('a page that resumed near the end and is cut off goes on at the exact chunk', async () => {
  const { script, chat, sending } = await begin()
  const proxy = await startCuttingProxy(server.server.running.port)
  const address = `http://127.0.0.1:${proxy.port}/api/chat`
  const options = { chat: 'c1', initialStartIndex: -2 }
  const back = new NodeChat(
    'c1',
    transportOf('WorkflowChatTransport', address, options),
    chat.messages.slice(0, 1),
  )
  const resuming = back.resumeStream()
  await expect.poll(() => back.text).toBe('One two three')
  proxy.cut(0)
  script.say(' four.')
  script.end()
  await Promise.all([sending, resuming])
  await proxy.close()
  expect(back.messages).toEqual(chat.messages)
})

test.each([
  [true, 'One two three four.'],
  [false, 'One two threeOne two three four.'],
])(
  'after an error the text is there once if the page says that a resume is a replay, which is %s',
  async (resumeStreamIsReplay, text) => {
    const { script, chat, sending } = await begin()
    const network = await startNetwork(server.server.running.port)
    const transport = transportOf('WorkflowChatTransport', `http://127.0.0.1:${network.port}/api/chat`)
    const reader = new NodeChat('c1', { ...transport, resumeStreamIsReplay }, chat.messages.slice(0, 1))
    const resuming = reader.resumeStream()
    await expect.poll(() => reader.text).toBe('One two three')
    network.leave('cut')
    await resuming
    expect(reader.status).toBe('error')
    network.comeBack()
    script.say(' four.')
    script.end()
    await reader.resumeStream()
    await sending
    await network[Symbol.asyncDispose]()
    expect([reader.status, reader.text]).toEqual(['ready', text])
  },
)
