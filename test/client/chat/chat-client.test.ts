/** What a page asks of its chats: until it is answered, once, and by whom it is now. */
import { afterEach, describe, expect, test } from 'vitest'
import { answerStream } from '../../../src/client/chat/answer-stream.ts'
import { ChatClient, type ChatClientOptions, StreamError } from '../../../src/client/chat/index.ts'
import { bearerToken } from '../../../src/index.ts'
import {
  type ChatServer,
  type ChatServerOptions,
  Script,
  startChats,
} from '../../endpoints/chat/chat-server.ts'

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
  const client = new ChatClient({ api: address, ...options })
  clients.push(client)
  return client
}

const message = (id: string, text = id) => ({ id, role: 'user', parts: [{ type: 'text', text }] })
const kept = async ({ chats }: ChatServer, chat = 'c1') =>
  (await chats.get(chat))?.messages.map(({ key }) => key)

/** `fetch`, of which something else may happen to each request. */
function fetchBy(each: (send: () => Promise<Response>, count: number) => Promise<Response>): typeof fetch {
  let count = 0
  return (...request) => each(() => fetch(...request), ++count)
}

describe('a send', () => {
  test.each(['.', '..', ''])('asks nothing of a chat whose id no path can have: "%s"', async (id) => {
    const { server } = await start()
    const client = clientOf(server, { fetch: () => Promise.reject(new Error('It was asked')) })
    const refused: unknown = expect.objectContaining({ name: 'StreamError', code: 'invalid_chat' })
    await expect(client.send(id, { message: message('m1') })).rejects.toEqual(refused)
    await expect(client.get(id)).rejects.toEqual(refused)
    await expect(client.delete(id)).rejects.toEqual(refused)
  })

  test('whose answer is lost is made again, and is one send', async () => {
    const { server, script } = await start()
    let answers = 0
    const client = clientOf(server, {
      fetch: fetchBy(async (send, count) => {
        const answer = await send()
        answers++
        if (count < 3) throw new TypeError('fetch failed')
        return answer
      }),
    })
    const sent = await client.send('c1', { message: message('m1') })
    expect(answers).toBe(3)
    const { active } = (await server.chats.get('c1')) ?? {}
    expect(sent).toEqual({ run: active?.run, status: 'running', message: 'm1' })
    script.end()
    await expect.poll(() => kept(server)).toEqual(['m1', sent.run])
  })

  test('for another answer is one as well, though its answer is lost', async () => {
    const { server, script } = await start()
    script.end()
    await clientOf(server).send('c1', { message: message('m1') })
    await expect.poll(async () => (await kept(server))?.length).toBe(2)
    const client = clientOf(server, {
      fetch: fetchBy(async (send, count) => {
        const answer = await send()
        if (count < 3) throw new TypeError('fetch failed')
        return answer
      }),
    })
    const again = await client.regenerate('c1', { message: 'm1' })
    await expect.poll(() => kept(server)).toEqual(['m1', again.run])
    expect(await server.chats.tree('c1')).toHaveLength(3)
  })

  test('that does not get through is shown as no connection, with why', async () => {
    const { server } = await start()
    let isAway = true
    const client = clientOf(server, {
      fetch: fetchBy((send) => (isAway ? Promise.reject(new TypeError('fetch failed')) : send())),
    })
    const told: unknown[] = []
    client.subscribe(() => told.push([client.state, client.error?.code]))
    const sending = client.send('c1', { message: message('m1') })
    await expect.poll(() => told.at(-1)).toEqual(['reconnecting', 'unreachable'])
    isAway = false
    await sending
    expect([client.state, client.error]).toEqual(['idle', undefined])
  })

  test('that is refused is not made again', async () => {
    const { server } = await start()
    let requests = 0
    const client = clientOf(server, {
      fetch: fetchBy((send, count) => {
        requests = count
        return send()
      }),
    })
    await client.send('c1', { message: message('m1') })
    const error = await client.send('c1', { message: message('m2') }).catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(StreamError)
    expect(error).toMatchObject({ code: 'chat_busy' })
    expect(requests).toBe(2)
  })

  test('is carried out even if nobody waits for its answer any more', async () => {
    const { server } = await start()
    const answered = Promise.withResolvers<Response>()
    const client = clientOf(server, {
      fetch: fetchBy(async (send) => {
        await answered.promise
        return send()
      }),
    })
    const leaving = new AbortController()
    const sending = client.send('c1', { message: message('m1'), signal: leaving.signal })
    leaving.abort()
    await expect(sending).rejects.toMatchObject({ name: 'AbortError' })
    answered.resolve(new Response())
    await expect.poll(() => kept(server)).toEqual(['m1'])
  })

  test('asks for the token again when the server takes it for an old one', async () => {
    const authenticate: ChatServerOptions['authenticate'] = (request) => {
      const token = bearerToken(request)
      return token === 'new' ? { id: 'ann' } : undefined
    }
    const { server } = await start({ authenticate })
    const asked: boolean[] = []
    let known = 'old'
    const token = (refused: boolean): string => {
      asked.push(refused)
      if (refused) known = 'new'
      return known
    }
    const client = clientOf(server, { token })
    await client.send('c1', { message: message('m1') })
    expect(asked).toEqual([false, true])
    await client.rename('c1', 'Hello')
    expect(asked).toEqual([false, true, false])
    expect((await server.chats.get('c1', { owner: 'ann' }))?.title).toBe('Hello')
  })

  test('waits for no answer once the client is closed', async () => {
    const { server } = await start()
    const client = clientOf(server, { fetch: fetchBy(() => Promise.reject(new TypeError('fetch failed'))) })
    const sending = client.send('c1', { message: message('m1') })
    client.close()
    await expect(sending).rejects.toMatchObject({ code: 'closed' })
    await expect(client.stop('c1')).rejects.toMatchObject({ code: 'closed' })
    expect(client.state).toBe('closed')
  })
})

test('everything that a page does in a chat is done', async () => {
  const { server, script } = await start()
  const client = clientOf(server)
  expect(await client.get('c1')).toBeUndefined()
  expect(await client.stop('c1')).toBe('idle')
  const first = await client.send('c1', { message: message('m1'), body: { mood: 'good' } })
  expect((await client.get('c1'))?.active).toMatchObject({ run: first.run, body: { mood: 'good' } })
  const second = await client.send('c1', { message: message('m2'), whileBusy: 'queue' })
  expect(second.status).toBe('queued')
  await client.takeBack('c1', 'm2')
  await expect(client.takeBack('c1', 'm1')).rejects.toMatchObject({ code: 'already_begun' })
  expect(await client.stop('c1')).toBe('stopped')
  script.end()
  const again = await client.regenerate('c1', { message: 'm1' })
  await expect.poll(() => kept(server)).toEqual(['m1', again.run])
  await client.select('c1', first.run)
  expect(await kept(server)).toEqual(['m1', first.run])
  await client.regenerate('c1')
  await expect.poll(async () => (await server.chats.get('c1'))?.active).toBeUndefined()
  const edited = await client.send('c1', { message: message('m1', 'else'), edits: 'm1' })
  expect(edited.message).toBe('m1~2')
  await client.rename('c1', 'Title')
  expect((await client.get('c1'))?.title).toBe('Title')
  await client.delete('c1')
  await client.delete('c1')
  expect(await server.chats.get('c1')).toBeUndefined()
})

test('everything that a page follows comes over one socket', async () => {
  const { server, script } = await start()
  let sockets = 0
  const webSocket: ChatClientOptions['webSocket'] = (url, protocols) => {
    sockets++
    return new WebSocket(url, protocols)
  }
  const client = clientOf(server, { webSocket })
  const ids = ['c1', 'c2', 'c3']
  const runs = await Promise.all(ids.map((id) => client.send(id, { message: message('m1') })))
  const undo = ids.map((id) => client.chat(id).subscribe(() => {}))
  undo.push(client.chats().subscribe(() => {}))
  script.end()
  const streams = runs.map(({ run }) => client.answer(run))
  await expect.poll(() => streams.map(({ status }) => status)).toEqual(Array(3).fill('completed'))
  await expect.poll(() => ids.map((id) => client.chat(id).snapshot().messages.length)).toEqual([2, 2, 2])
  expect(sockets).toBe(1)
  for (const one of undo) one()
})

test('an answer of 20,000 deltas is joined late by few frames and fewer chunks', async () => {
  const { server, script } = await start()
  const first = clientOf(server)
  const { run } = await first.send('c1', { message: message('m1') })
  const words = Array.from({ length: 20_000 }, (_, n) => `${n} `)
  script.say(...words)
  script.end()
  const position = async () => (await server.streams.store.head(run))?.tail.position
  await expect.poll(position, { timeout: 20_000 }).toBe(20_004)
  const frames: string[] = []
  const webSocket: ChatClientOptions['webSocket'] = (url, protocols) => {
    const socket = new WebSocket(url, protocols)
    socket.addEventListener('message', ({ data }) => frames.push(String(data)))
    return socket
  }
  const client = clientOf(server, { webSocket })
  const answer = answerStream({ client, chat: 'c1', run, left: () => {} })
  const chunks: { readonly type: string; readonly delta?: string }[] = []
  for await (const chunk of answer) chunks.push(chunk)
  expect(chunks.map(({ delta = '' }) => delta).join('')).toBe(words.join(''))
  expect(frames.length).toBeLessThan(50)
  expect(chunks.length).toBeLessThan(50)
})

test('a client can be made where there is no page, and says so when something is asked of it', async () => {
  const client = new ChatClient()
  clients.push(client)
  expect(client.chat('c1').snapshot()).toEqual({ status: 'loading', messages: [], queue: [] })
  expect(client.chats().snapshot()).toEqual({ status: 'loading', chats: [], hasMore: false })
  await expect(client.get('c1')).rejects.toBeInstanceOf(TypeError)
})
