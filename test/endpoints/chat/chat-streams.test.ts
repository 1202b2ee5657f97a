/** The streams that a page follows: the logs of its user's chats, and their runs, over the socket and over HTTP. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type StreamClient, type StreamError, connect } from '../../../src/client/index.ts'
import { contentsOf } from '../../../src/conversation/chat.ts'
import { Conversation } from '../../../src/conversation/conversation.ts'
import { entryIn } from '../../../src/conversation/entries.ts'
import { type ChatNews, newsIn } from '../../../src/conversation/news.ts'
import { CHATS_FEED, chatStreamName } from '../../../src/conversation/stream-names.ts'
import { bearerToken, memory } from '../../../src/index.ts'
import { type ChatServer, type ChatServerOptions, Script, startChats } from './chat-server.ts'

const servers: ChatServer[] = []
const clients: StreamClient[] = []
let script: Script

beforeEach(() => {
  script = new Script()
})

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await Promise.all(servers.splice(0).map((one) => one[Symbol.asyncDispose]()))
})

const authenticate: ChatServerOptions['authenticate'] = (request) => {
  const id = bearerToken(request)
  return id === undefined ? undefined : { id }
}

const start = async (options: Partial<ChatServerOptions> = {}) => {
  const server = await startChats({ source: script.source, authenticate, ...options })
  servers.push(server)
  return server
}

const nowhere = () => new WebSocket('ws://127.0.0.1:1')

const over = {
  'the socket': (server: ChatServer, token: string) =>
    connect(`${server.address}/socket`, { token, http: false }),
  HTTP: (server: ChatServer, token: string) =>
    connect(`${server.address}/socket`, {
      token,
      webSocket: nowhere,
      http: `${server.address}/streams`,
    }),
}

const message = (id: string, text = id) => ({ id, role: 'user', parts: [{ type: 'text', text }] })

const page = (server: ChatServer, token: string) => {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const ask = async (method: string, path: string, body?: object) =>
    fetch(server.address + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
  return {
    ask,
    send: async (chat: string, body: object) =>
      (await (await ask('POST', `/${encodeURIComponent(chat)}/messages`, body)).json()) as { run: string },
  }
}

/** Folds a chat as it comes. */
const live = (client: StreamClient, chat: string) => {
  const stream = client.stream(chatStreamName(chat))
  const conversation = new Conversation()
  stream.subscribe(() => {
    for (const record of stream.take()) {
      const entry = entryIn(record)
      if (entry) conversation.add(entry)
    }
  })
  return { stream, conversation }
}

const errorOf = async (client: StreamClient, id: string): Promise<StreamError | undefined> => {
  const stream = client.stream(id)
  await expect.poll(() => stream.done).toBe(true)
  return stream.error
}

describe.each(Object.entries(over))('over %s', (_way, connectTo) => {
  const open = (server: ChatServer, token = 'ann') => {
    const client = connectTo(server, token)
    clients.push(client)
    return client
  }

  test('a page that follows a chat has what the server has, whoever asks and wherever', async () => {
    const store = memory()
    const [here, there] = [await start({ store }), await start({ store })]
    const chat = 'a chat/with %é'
    const ann = page(here, 'ann')
    await ann.send(chat, { message: message('m1') })
    const { conversation } = live(open(there), chat)
    await expect.poll(() => conversation.active?.message).toBe('m1')
    await ann.send(chat, { message: message('m2'), whileBusy: 'queue' })
    await expect.poll(() => conversation.queue.length).toBe(1)
    await ann.ask('PATCH', `/${encodeURIComponent(chat)}`, { title: 'Title' })
    script.say('Hello')
    script.end()
    await expect.poll(() => conversation.tree.size).toBe(4)
    const {
      owner: _,
      id: _id,
      createdAt,
      offset,
      ...contents
    } = (await here.chats.get(chat, { owner: 'ann' }))!
    expect([createdAt, offset]).toHaveLength(2)
    await expect.poll(() => contentsOf(conversation)).toEqual(contents)
  })

  test('it follows the answer by the id of its run, and stops it', async () => {
    const server = await start()
    const { run } = await page(server, 'ann').send('c1', { message: message('m1') })
    script.say('One', ' two')
    const client = open(server)
    const answer = client.stream<{ type: string; delta?: string }>(run)
    let text = ''
    answer.subscribe(() => {
      for (const { delta = '' } of answer.take()) text += delta
    })
    await expect.poll(() => text).toBe('One two')
    expect(await client.stop(run)).toBe('stopped')
    await expect.poll(() => answer.status).toBe('stopped')
    expect(script.aborted).toBe(true)
  })

  test('it is told that the chat is deleted', async () => {
    const server = await start()
    await server.chats.add('c1', [message('m1')], { owner: 'ann' })
    const { stream } = live(open(server), 'c1')
    await expect.poll(() => stream.status).toBe('running')
    expect((await page(server, 'ann').ask('DELETE', '/c1')).status).toBe(204)
    await expect.poll(() => stream.done).toBe(true)
    const told: unknown = stream.error?.code ?? stream.end
    expect([{ status: 'deleted' }, 'gone', 'stream_not_found']).toContainEqual(told)
  })

  test('it hears of all chats of its user, also where there was none, and of nobody else', async () => {
    const store = memory()
    const [here, there] = [await start({ store }), await start({ store })]
    const heard = (client: StreamClient) => {
      const stream = client.stream(CHATS_FEED)
      const news: ChatNews[] = []
      stream.subscribe(() => {
        for (const record of stream.take()) news.push(newsIn(record) as ChatNews)
      })
      return { stream, news }
    }
    const [ann, bob] = [heard(open(there)), heard(open(there, 'bob'))]
    await expect.poll(() => [ann.stream.status, bob.stream.status]).toEqual(['running', 'running'])
    await here.chats.add('c1', [message('m1')], { owner: 'ann' })
    await page(here, 'ann').ask('PATCH', '/c1', { title: 'Title' })
    await expect.poll(() => ann.news.at(-1)).toMatchObject({ chat: 'c1', title: 'Title' })
    await page(here, 'ann').ask('DELETE', '/c1')
    await expect.poll(() => ann.news.at(-1)).toEqual({ chat: 'c1', deleted: true })
    await here.chats.add('c2', [message('m1')], { owner: 'bob' })
    await expect.poll(() => bob.news.length).toBe(1)
    expect(bob.news).toMatchObject([{ chat: 'c2' }])
  })

  test("another user's chat and run are as ones that are not there", async () => {
    const server = await start()
    const { run } = await page(server, 'ann').send('c1', { message: message('m1') })
    const bob = open(server, 'bob')
    const none = await errorOf(bob, chatStreamName('c9'))
    expect(none?.code).toBe('stream_not_found')
    expect(await errorOf(bob, chatStreamName('c1'))).toEqual(none)
    expect(await errorOf(bob, run)).toEqual(await errorOf(bob, 'run-9'))
    await expect(bob.stop(run)).rejects.toMatchObject({ code: 'stream_not_found' })
    await expect(bob.stop(chatStreamName('c1'))).rejects.toMatchObject({ code: 'stream_not_found' })
    expect((await server.streams.runs.get(run))?.info.status).toBe('running')
  })

  test('neither a stream of the user that is no run of a chat, nor a reserved one is served', async () => {
    const server = await start()
    const { store } = server.streams
    await server.chats.add('c1', [message('m1')], { owner: 'ann' })
    await store.create('plain', { owner: 'ann', records: ['1'] })
    const { streams } = await store.list({ owner: 'ann', prefix: '@' })
    expect(streams.length).toBeGreaterThan(0)
    const ann = open(server)
    const strange = ['@chat/', '@chat/%', `@chat/${encodeURIComponent('x'.repeat(257))}`, '@', '@chat']
    for (const id of ['plain', ...strange, ...streams.map((one) => one.id)])
      expect((await errorOf(ann, id))?.code).toBe('stream_not_found')
  })

  test('what no chat starts or stops is refused', async () => {
    const server = await start()
    await server.chats.add('c1', [message('m1')], { owner: 'ann' })
    const ann = open(server)
    await expect(ann.stop(chatStreamName('c1'))).rejects.toMatchObject({ code: 'run_not_found' })
    await expect(ann.start('Hello')).rejects.toMatchObject({
      code: expect.stringMatching(/start_not_served|route_not_found|method_not_allowed/) as string,
    })
    expect((await server.streams.runs.list({ owner: 'ann' })).runs).toEqual([])
  })
})

test('whoever is not signed in follows nothing', async () => {
  const server = await start()
  const options = { subprotocols: ['millrace.v1'] }
  await expect(server.server.connect('/api/chat/socket', options)).rejects.toMatchObject({ status: 401 })
  expect((await fetch(`${server.address}/streams/%40chat%2Fc1`)).status).toBe(401)
})

test('a plain request at the socket says that WebSockets are served there', async () => {
  const server = await start()
  const answer = await fetch(`${server.address}/socket`, { headers: { authorization: 'Bearer ann' } })
  expect([answer.status, await answer.json()]).toMatchObject([426, { error: { code: 'upgrade_required' } }])
})

test('over HTTP nothing is written or removed', async () => {
  const server = await start()
  await server.chats.add('c1', [message('m1')], { owner: 'ann' })
  for (const method of ['PUT', 'POST', 'DELETE', 'PATCH']) {
    const answer = await page(server, 'ann').ask(method, '/streams/%40chat%2Fc1')
    expect(answer.status).toBe(405)
  }
})

test('without authentication a chat without an owner is followed by its id, and no other', async () => {
  const server = await start({ authenticate: false })
  await server.chats.add('c1', [message('m1')])
  await server.chats.add('c2', [message('m1')], { owner: 'ann' })
  const client = connect(`${server.address}/socket`, { http: false })
  clients.push(client)
  const { conversation } = live(client, 'c1')
  await expect.poll(() => conversation.tree.size).toBe(1)
  for (const id of [chatStreamName('c2'), CHATS_FEED])
    expect((await errorOf(client, id))?.code).toBe('stream_not_found')
})

test('no cache keeps the log of a chat, as its name stands for another one for another user', async () => {
  const server = await start({ authenticate: false })
  await server.chats.add('c1', [message('m1')])
  const path = `/streams/${encodeURIComponent(chatStreamName('c1'))}?offset=-1`
  const { status, headers } = await fetch(server.address + path)
  expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
})

test('who follows a chat has the answer begun that a dead process asked for', async () => {
  const store = memory()
  const first = await start({ store })
  await first.chats.add('c1', [message('m0')], { owner: 'ann' })
  // It dies between the ask and the start of the run.
  const log = await first.chats.stream('c1', { owner: 'ann' })
  const asked = { type: 'asked', run: 'r1', kind: 'chat /api/chat', message: message('m1'), parent: 'm0' }
  await store.append(log?.id ?? '', { records: [JSON.stringify({ ...asked, at: Date.now() })] })
  script.end()
  const client = over['the socket'](await start({ store }), 'ann')
  clients.push(client)
  const { conversation } = live(client, 'c1')
  await expect.poll(() => conversation.asks.get('r1')?.status).toBe('completed')
})
