/** The transport of our own against the server: what `useChat` shows, over both ways. */
import { type UIMessage, type UIMessageChunk, lastAssistantMessageIsCompleteWithApprovalResponses } from 'ai'
import { afterEach, describe, expect, test } from 'vitest'
import { memory } from '../../../src/index.ts'
import {
  type ChatServer,
  type ChatServerOptions,
  Script,
  startChats,
  textOf,
} from '../../endpoints/chat/chat-server.ts'
import { type Page, WAYS, clientOptions, openPage } from './pages.ts'

describe.each(WAYS)('over %s', (way) => {
  const servers: ChatServer[] = []
  const pages: Page[] = []

  afterEach(async () => {
    for (const page of pages.splice(0)) page[Symbol.dispose]()
    for (const server of servers.splice(0)) await server[Symbol.asyncDispose]()
  })

  const start = async (options: ChatServerOptions) => {
    const server = await startChats(options)
    servers.push(server)
    return server
  }
  const pageOf = ({ address }: ChatServer, more = {}) => {
    const page = openPage({ ...clientOptions(address, way), ...more })
    pages.push(page)
    return page
  }
  const kept = async ({ chats }: ChatServer) => (await chats.get('c1'))?.messages.map((item) => item.message)

  /** A page that has sent a message, and half the answer. */
  const begin = async (more: Partial<ChatServerOptions> = {}) => {
    const script = new Script()
    const server = await start({ source: script.source, ...more })
    const page = pageOf(server)
    const chat = page.open()
    const sending = chat.sendMessage({ text: 'Hello' })
    script.say('One', ' two')
    await expect.poll(() => chat.text, { timeout: 5000 }).toBe('One two')
    return { script, server, page, chat, sending }
  }

  test('an answer is whole, and kept as it was shown', async () => {
    const { script, server, chat, sending } = await begin()
    script.say(' three.')
    script.end()
    await sending
    expect(chat.status).toBe('ready')
    expect(chat.text).toBe('One two three.')
    await expect.poll(() => kept(server)).toEqual(JSON.parse(JSON.stringify(chat.messages)))
  })

  test('a stop ends the answer; the page is ready with what came', async () => {
    const { script, page, chat, sending } = await begin()
    expect(await page.transport.stop('c1')).toBe('stopped')
    await sending
    expect([chat.status, chat.text, script.aborted]).toEqual(['ready', 'One two', true])
    expect(await page.transport.stop('c1')).toBe('idle')
    script.end()
    await chat.sendMessage({ text: 'Again' })
    expect([chat.status, chat.messages.length]).toEqual(['ready', 4])
  })

  test('an answer that fails is an error with why', async () => {
    const { script, chat, sending } = await begin()
    script.give({ type: 'error', errorText: 'The model is out of order.' })
    await sending
    expect([chat.status, chat.text]).toEqual(['error', 'One two'])
    expect(chat.error?.message).toBe('The model is out of order.')
  })

  test('leaving ends nothing, and whoever comes back has the whole answer once', async () => {
    const { script, chat, sending } = await begin()
    await chat.stop()
    await sending
    expect([chat.status, script.aborted]).toEqual(['ready', false])
    script.say(' three')
    const resuming = chat.resumeStream()
    await expect.poll(() => chat.text).toBe('One two three')
    script.say(' four.')
    script.end()
    await resuming
    expect([chat.status, chat.text]).toEqual(['ready', 'One two three four.'])
    expect(chat.messages).toHaveLength(2)
  })

  test('whoever left and comes back after the end has the whole answer once, and so has a page made meanwhile', async () => {
    const { script, server, chat, sending } = await begin()
    const loaded = (await kept(server)) as unknown as UIMessage[]
    await chat.stop()
    await sending
    script.say(' three.')
    script.end()
    await expect.poll(async () => (await kept(server))?.length).toBe(2)
    await chat.resumeStream()
    expect([chat.status, chat.text, chat.messages.length]).toEqual(['ready', 'One two three.', 2])
    const again = pageOf(server).open('c1', loaded)
    await again.resumeStream()
    expect(again.messages).toEqual(chat.messages)
  })

  test('a page that is loaded in the middle of an answer resumes it', async () => {
    const { script, server, chat, sending } = await begin()
    const again = pageOf(server).open('c1', (await kept(server)) as unknown as UIMessage[])
    const resuming = again.resumeStream()
    await expect.poll(() => again.text).toBe('One two')
    script.say(' three.')
    script.end()
    await Promise.all([resuming, sending])
    expect(again.messages).toEqual(chat.messages)
  })

  test('an idle tab shows what another one asks for, and the next one, too', async () => {
    const { script, server, chat, sending } = await begin()
    const tab = pageOf(server)
    const idle = tab.open('c2')
    const resuming = idle.resumeStream()
    const other = pageOf(server).open('c2')
    script.end()
    await sending
    await expect.poll(() => tab.transport.client.chat('c2').snapshot().status).toBe('absent')
    const asking = other.sendMessage({ text: 'Anybody?' })
    await Promise.all([asking, resuming])
    expect(idle.statuses).not.toContain('error')
    expect(idle.messages).toEqual([other.messages.at(-1)])
    const next = idle.resumeStream()
    await other.sendMessage({ text: 'And now?' })
    await next
    expect(idle.messages.at(-1)).toEqual(other.messages.at(-1))
    expect(chat.status).toBe('ready')
  })

  test('a resume that waits leaves the answer to a send of the page to the send', async () => {
    const script = new Script()
    const server = await start({ source: script.source })
    const chat = pageOf(server).open()
    const resuming = chat.resumeStream()
    const sending = chat.sendMessage({ text: 'Hello' })
    script.say('One')
    script.end()
    await sending
    expect([chat.status, chat.text, chat.messages.length]).toEqual(['ready', 'One', 2])
    await chat.stop()
    await resuming
    expect([chat.status, chat.text, chat.messages.length]).toEqual(['ready', 'One', 2])
  })

  test('a send while something is answered waits for its turn', async () => {
    const { script, server, chat, sending } = await begin()
    const tab = pageOf(server, { whileBusy: 'queue' }).open()
    const waiting = tab.sendMessage({ text: 'Me too' })
    await expect.poll(async () => (await server.chats.get('c1'))?.queue.length).toBe(1)
    expect(tab.status).toBe('submitted')
    script.end()
    await Promise.all([sending, waiting])
    expect([chat.status, tab.status]).toEqual(['ready', 'ready'])
    expect((await kept(server))?.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant'])
  })

  test('a send that was taken back before its turn is an error that says so', async () => {
    const { script, server, page, sending } = await begin()
    const tab = pageOf(server, { whileBusy: 'queue' }).open()
    const waiting = tab.sendMessage({ text: 'Me too' })
    await expect.poll(async () => (await server.chats.get('c1'))?.queue.length).toBe(1)
    await page.transport.client.takeBack('c1', tab.messages[0]?.id ?? '')
    await waiting
    expect(tab.error?.message).toMatch(/taken back before its turn/)
    script.end()
    await sending
  })

  test('a send that the server refuses is an error with its sentence', async () => {
    const { script, server, sending } = await begin()
    const tab = pageOf(server).open()
    await tab.sendMessage({ text: 'Me too' })
    expect(tab.status).toBe('error')
    expect(tab.error).toMatchObject({ name: 'StreamError', code: 'chat_busy' })
    expect(tab.error?.message).toMatch(/An answer is being written in this chat/)
    script.end()
    await sending
  })

  test('an answer that goes away under its reader is an error', async () => {
    const { server, chat, sending } = await begin()
    const { active } = (await server.chats.get('c1')) ?? {}
    await server.streams.store.delete(active?.run ?? '')
    await sending
    expect([chat.status, chat.text, chat.error?.message]).toEqual(['error', 'One two', 'The answer is gone.'])
  })

  test('a chat that is deleted while it answers is an error', async () => {
    const { page, chat, sending } = await begin()
    await page.transport.client.delete('c1')
    await sending
    expect(chat.text).toBe('One two')
    // Its answer was stopped for that, or is gone: which of both the page sees is a race.
    expect(['ready', 'error']).toContain(chat.status)
    // Once more is as well.
    await page.transport.client.delete('c1')
  })

  test('an answer that a drain ends is an error, after the server is back', async () => {
    const store = memory()
    const { server, chat, sending, page } = await begin({ store })
    const { port } = server.server.running
    await server.drain()
    servers.splice(0)
    expect(chat.status).toBe('streaming')
    await expect.poll(() => page.transport.client.state).toBe('reconnecting')
    await start({ source: new Script().source, store, port })
    await sending
    expect([chat.status, chat.text]).toEqual(['error', 'One two'])
    expect(chat.error?.message).toMatch(/interrupted in the middle of this answer/)
  })

  test('an answer is asked for again, and a question is edited', async () => {
    let asked = 0
    const server = await start({
      async *source({ messages }) {
        yield { type: 'text-start', id: '1' }
        yield { type: 'text-delta', id: '1', delta: `${++asked}: ${textOf(messages.at(-1))}` }
        yield { type: 'text-end', id: '1' }
      },
    })
    const chat = pageOf(server).open()
    await chat.sendMessage({ text: 'Hello' })
    await chat.regenerate()
    expect(chat.messages.map(textOf)).toEqual(['Hello', '2: Hello'])
    await chat.sendMessage({ text: 'Goodbye', messageId: chat.messages[0]?.id ?? '' })
    expect(chat.messages.map(textOf)).toEqual(['Goodbye', '3: Goodbye'])
    expect(chat.statuses).not.toContain('error')
    await expect.poll(() => kept(server)).toEqual(JSON.parse(JSON.stringify(chat.messages)))
    expect(await server.chats.tree('c1')).toHaveLength(5)
  })

  test('an answer goes on after an approval, and a page that is loaded in its middle has all of it', async () => {
    const script = new Script()
    const server = await start({
      async *source({ messages, ...request }) {
        if (messages.at(-1)?.role !== 'user') {
          yield* script.source({ messages, ...request }) as AsyncIterable<UIMessageChunk>
          return
        }
        yield { type: 'start-step' }
        yield { type: 'text-start', id: 't' }
        yield { type: 'text-delta', id: 't', delta: 'May I? ' }
        yield { type: 'text-end', id: 't' }
        yield { type: 'tool-input-available', toolCallId: 't1', toolName: 'send', input: { to: 'Ann' } }
        yield { type: 'tool-approval-request', approvalId: 'a1', toolCallId: 't1' }
        yield { type: 'finish-step' }
      },
    })
    const sendAutomaticallyWhen = lastAssistantMessageIsCompleteWithApprovalResponses
    const chat = pageOf(server).open('c1', [], { sendAutomaticallyWhen })
    await chat.sendMessage({ text: 'Send it' })
    await chat.addToolApprovalResponse({ id: 'a1', approved: true })
    script.give({ type: 'tool-output-available', toolCallId: 't1', output: 'sent' })
    script.say('Done')
    await expect.poll(() => chat.text).toBe('May I? Done')
    const tools: string[] = []
    const onToolCall = ({ toolCall }: { toolCall: { toolCallId: string } }) =>
      void tools.push(toolCall.toolCallId)
    const loaded = (await kept(server)) as unknown as UIMessage[]
    const again = pageOf(server).open('c1', structuredClone(loaded), { onToolCall })
    const resuming = again.resumeStream()
    await expect.poll(() => again.text).toBe('May I? Done')
    script.say('.')
    script.end()
    await resuming
    await expect.poll(() => chat.status).toBe('ready')
    expect(again.messages).toHaveLength(2)
    const whole = JSON.parse(JSON.stringify(chat.messages)) as UIMessage[]
    await expect.poll(() => kept(server)).toEqual(whole)
    expect(JSON.parse(JSON.stringify(again.messages, withoutInputText))).toEqual(whole)
    expect(tools).toEqual([])
  })
})

/** What a call was said with is of use while it is said. */
function withoutInputText(name: string, value: unknown): unknown {
  return name === 'rawInput' ? undefined : value
}
