/** A chat as it is at every moment, over both ways. */
import { afterEach, describe, expect, test } from 'vitest'
import { ChatClient, type ChatClientOptions, type LiveChat } from '../../../src/client/chat/index.ts'
import { bearerToken, memory } from '../../../src/index.ts'
import {
  type ChatServer,
  type ChatServerOptions,
  Script,
  startChats,
} from '../../endpoints/chat/chat-server.ts'
import { WAYS, clientOptions } from './pages.ts'

const message = (id: string, text = id) => ({ id, role: 'user', parts: [{ type: 'text', text }] })

describe.each(WAYS)('over %s', (way) => {
  const servers: ChatServer[] = []
  const clients: ChatClient[] = []

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close()
    await Promise.all(servers.splice(0).map((one) => one[Symbol.asyncDispose]()))
  })

  const start = async (options: Partial<ChatServerOptions> = {}) => {
    const script = new Script()
    const server = await startChats({ source: script.source, ...options })
    servers.push(server)
    return { server, script }
  }
  const clientOf = ({ address }: ChatServer, options: ChatClientOptions = {}): ChatClient => {
    const client = new ChatClient({ ...clientOptions(address, way), ...options })
    clients.push(client)
    return client
  }
  /** What a component that follows a chat would have rendered. */
  const follow = (live: LiveChat) => {
    const seen = [live.snapshot()]
    const undo = live.subscribe(() => {
      if (live.snapshot() !== seen.at(-1)) seen.push(live.snapshot())
    })
    return { seen, undo, now: () => live.snapshot(), status: () => live.snapshot().status }
  }
  const keys = (live: LiveChat) => live.snapshot().messages.map(({ key }) => key)

  test('a long chat is there all at once', async () => {
    const { server } = await start()
    const messages = Array.from({ length: 300 }, (_, n) => message(`m${n}`, 'x'.repeat(2000)))
    await server.chats.add('c1', messages)
    const page = follow(clientOf(server).chat('c1'))
    await expect.poll(page.status, { timeout: 5000 }).toBe('live')
    const [loading, live] = page.seen
    expect(loading).toEqual({ status: 'loading', messages: [], queue: [] })
    expect(live?.messages.at(-1)?.key).toBe('m299')
  })

  test('it shows what others do in it as it is done', async () => {
    const { server, script } = await start()
    const { chats } = server
    const { run } = await chats.send('c1', { message: message('m1') })
    const live = clientOf(server).chat('c1')
    const page = follow(live)
    await expect.poll(() => page.now().active?.run, { timeout: 5000 }).toBe(run)
    await chats.send('c1', { message: message('m2'), whileBusy: 'queue' })
    await expect.poll(() => page.now().queue.map((one) => one.message?.id)).toEqual(['m2'])
    await chats.takeBack('c1', 'm2')
    await expect.poll(() => page.now().queue).toEqual([])
    await chats.rename('c1', 'Title')
    await expect.poll(() => page.now().title).toBe('Title')
    const [question] = page.now().messages
    script.end()
    await expect.poll(() => keys(live)).toEqual(['m1', run])
    expect(page.now().active).toBeUndefined()
    expect(live.ask(run)).toMatchObject({ status: 'completed', answer: run })
    // Its ask has ended, so it is shown anew; and then it stays as it is.
    const [answered, answer] = page.now().messages
    expect(answered).not.toBe(question)
    await chats.regenerate('c1')
    // Until it has come, the question is the last.
    await expect.poll(() => page.now().messages[1]?.versions.length).toBe(2)
    expect(keys(live)[1]).not.toBe(run)
    await chats.select('c1', run)
    await expect.poll(() => keys(live)).toEqual(['m1', run])
    expect(page.now().messages[1]?.message).toEqual(answer?.message)
    const [before] = page.now().messages
    await chats.rename('c1', '')
    await expect.poll(() => page.now().title).toBeUndefined()
    expect(page.now().messages[0]).toBe(before)
    expect(page.seen.map(({ status }) => status).filter((one) => one !== 'live')).toEqual(['loading'])
  })

  test('one that is not there comes to be, by this page or another, and may go', async () => {
    const { server, script } = await start()
    script.end()
    const [client, other] = [clientOf(server), clientOf(server)]
    const pages = ['mine', 'theirs'].map((id) => follow(client.chat(id)))
    const [mine, theirs] = pages
    await expect
      .poll(() => pages.map((page) => page.status()), { timeout: 5000 })
      .toEqual(['absent', 'absent'])
    await client.send('mine', { message: message('m1') })
    await expect.poll(() => mine?.status()).toBe('live')
    await other.send('theirs', { message: message('m1') })
    await expect.poll(() => theirs?.status(), { timeout: 10_000 }).toBe('live')
    await other.delete('mine')
    await expect.poll(() => mine?.now()).toEqual({ status: 'deleted', messages: [], queue: [] })
    await client.send('mine', { message: message('m2') })
    await expect.poll(() => mine?.now().messages[0]?.key).toBe('m2')
    expect(mine?.seen.map(({ status }) => status)).not.toContain('failed')
  })

  test('it goes on where it was for whoever comes back', async () => {
    const { server, script } = await start()
    script.end()
    await server.chats.send('c1', { message: message('m1') })
    const client = clientOf(server)
    const before = follow(client.chat('c1'))
    await expect.poll(() => before.now().messages.length, { timeout: 5000 }).toBe(2)
    const shown = before.now()
    before.undo()
    await expect.poll(() => client.state).not.toBe('connecting')
    expect(client.chat('c1').snapshot()).toBe(shown)
    await server.chats.rename('c1', 'Title')
    const after = follow(client.chat('c1'))
    expect(after.now()).toBe(shown)
    await expect.poll(() => after.now().title, { timeout: 5000 }).toBe('Title')
    expect(after.now().messages[0]).toBe(shown.messages[0])
    expect(after.seen.map(({ status }) => status)).toEqual(['live', 'live'])
  })

  test('a hundred chats of a page are followed', async () => {
    const { server } = await start()
    const ids = Array.from({ length: 100 }, (_, n) => `c${n}`)
    for (const id of ids) await server.chats.add(id, [message('m1')])
    const client = clientOf(server)
    const pages = ids.map((id) => follow(client.chat(id)))
    const all = () => new Set(pages.map((page) => page.status()))
    await expect.poll(all, { timeout: 10_000 }).toEqual(new Set(['live']))
  })

  test('a chat without an owner that was deleted is there again when somebody begins it anew', async () => {
    const { server } = await start()
    await server.chats.add('c1', [message('m1')])
    const page = follow(clientOf(server).chat('c1'))
    await expect.poll(page.status, { timeout: 5000 }).toBe('live')
    await server.chats.delete('c1')
    await expect.poll(page.status).toBe('deleted')
    await server.chats.add('c1', [message('m2')])
    await expect.poll(page.status, { timeout: 10_000 }).toBe('live')
    expect(page.now().messages.map(({ key }) => key)).toEqual(['m2'])
    expect(page.seen.map(({ status }) => status)).toEqual(['loading', 'live', 'deleted', 'live'])
  })

  test('a store that lost the chat has none', async () => {
    const { server } = await start()
    await server.chats.send('c1', { message: message('m1') })
    const page = follow(clientOf(server).chat('c1'))
    await expect.poll(page.status, { timeout: 5000 }).toBe('live')
    const { port } = server.server.running
    await server.drain()
    servers.splice(0)
    await start({ store: memory(), port })
    await expect.poll(page.status, { timeout: 10_000 }).toBe('deleted')
  })

  test('it may not be read without a user where one is asked for', async () => {
    const authenticate: ChatServerOptions['authenticate'] = (request) => {
      const id = bearerToken(request)
      return id === undefined ? undefined : { id }
    }
    const { server, script } = await start({ authenticate })
    script.end()
    const client = clientOf(server)
    const page = follow(client.chat('c1'))
    await expect.poll(page.status, { timeout: 10_000 }).toBe('failed')
    expect(page.now().error?.code).toBe('unauthenticated')
    expect(clientOf(server).chats().snapshot().status).toBe('loading')
    const ann = clientOf(server, { token: 'ann' })
    await ann.send('c1', { message: message('m1') })
    const hers = follow(ann.chat('c1'))
    await expect.poll(hers.status, { timeout: 5000 }).toBe('live')
    const bobs = follow(clientOf(server, { token: 'bob' }).chat('c1'))
    await expect.poll(bobs.status, { timeout: 5000 }).toBe('absent')
  })

  test('a token that the server refuses is asked for anew', async () => {
    const authenticate: ChatServerOptions['authenticate'] = (request) =>
      bearerToken(request) === 'new' ? { id: 'ann' } : undefined
    const { server } = await start({ authenticate })
    await server.chats.send('c1', { owner: 'ann', message: message('m1') })
    let known = 'old'
    const client = clientOf(server, { token: (refused) => (known = refused ? 'new' : known) })
    const page = follow(client.chat('c1'))
    await expect.poll(page.status, { timeout: 10_000 }).toBe('live')
    expect(page.seen.map(({ status }) => status)).toEqual(['loading', 'live'])
  })

  test('an id that is too long to be followed fails', async () => {
    const { server } = await start()
    const page = follow(clientOf(server).chat('ü'.repeat(256)))
    expect(page.now()).toMatchObject({ status: 'failed', error: { code: 'stream_not_found' } })
  })

  test('a client that is closed fails what is followed', async () => {
    const { server } = await start()
    await server.chats.send('c1', { message: message('m1') })
    const client = clientOf(server)
    const page = follow(client.chat('c1'))
    await expect.poll(page.status, { timeout: 5000 }).toBe('live')
    client.close()
    expect(page.now()).toMatchObject({ status: 'failed', error: { code: 'closed' } })
    expect(follow(client.chat('c2')).now()).toMatchObject({ status: 'failed', error: { code: 'closed' } })
  })
})
