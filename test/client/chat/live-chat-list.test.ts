/** The chats of a user as they are at every moment, over both ways. */
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { ChatFeed } from '../../../src/client/chat/chat-feed.ts'
import type { ChatRequests } from '../../../src/client/chat/chat-requests.ts'
import { FollowedList } from '../../../src/client/chat/followed-list.ts'
import { ChatClient } from '../../../src/client/chat/index.ts'
import type { RemoteStream } from '../../../src/client/remote-stream.ts'
import { bearerToken, memory, unauthenticated } from '../../../src/index.ts'
import {
  type ChatServer,
  type ChatServerOptions,
  Script,
  startChats,
} from '../../endpoints/chat/chat-server.ts'
import { FakeStream } from './fake-client.ts'
import { WAYS, clientOptions } from './pages.ts'

const authenticate: ChatServerOptions['authenticate'] = (request) => {
  const id = bearerToken(request)
  return id === undefined ? undefined : { id }
}
const message = (id: string) => ({ id, role: 'user', parts: [{ type: 'text', text: id }] })

describe.each(WAYS)('over %s', (way) => {
  const servers: ChatServer[] = []
  const clients: ChatClient[] = []

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close()
    await Promise.all(servers.splice(0).map((one) => one[Symbol.asyncDispose]()))
  })

  const start = async (options: Partial<ChatServerOptions> = {}) => {
    const script = new Script()
    script.end()
    const server = await startChats({ source: script.source, authenticate, ...options })
    servers.push(server)
    return server
  }
  const clientOf = ({ address }: ChatServer, token = 'ann'): ChatClient => {
    const client = new ChatClient({ ...clientOptions(address, way), token })
    clients.push(client)
    return client
  }
  const listOf = (client: ChatClient) => {
    const list = client.chats()
    const undo = list.subscribe(() => {})
    return { list, undo, ids: () => list.snapshot().chats.map(({ id }) => id) }
  }
  const owner = 'ann'

  test('it lists what there is, and what others do as it is done', async () => {
    const server = await start()
    const { chats } = server
    for (const id of ['a', 'b', 'c']) await chats.send(id, { owner, message: message('m1') })
    const { ids, list } = listOf(clientOf(server))
    await expect.poll(ids, { timeout: 5000 }).toEqual(['c', 'b', 'a'])
    expect(list.snapshot()).toMatchObject({ status: 'live', hasMore: false })
    await chats.send('a', { owner, message: message('m2'), whileBusy: 'queue' })
    await expect.poll(() => ids()[0]).toBe('a')
    await chats.rename('b', 'Bees', { owner })
    await expect.poll(() => list.snapshot().chats[0]).toMatchObject({ id: 'b', title: 'Bees' })
    await chats.send('d', { owner, message: message('m1') })
    await expect.poll(() => ids().toSorted()).toEqual(['a', 'b', 'c', 'd'])
    await chats.delete('c', { owner })
    await expect.poll(() => ids().toSorted()).toEqual(['a', 'b', 'd'])
    await chats.send('e', { owner: 'bob', message: message('m1') })
    await chats.rename('a', 'Ants', { owner })
    await expect.poll(() => list.snapshot().chats[0]?.title).toBe('Ants')
    expect(ids()).not.toContain('e')
  })

  test('older ones are loaded when they are asked for', async () => {
    const server = await start()
    const { chats } = server
    const all = Array.from({ length: 45 }, (_, n) => `c${String(n).padStart(2, '0')}`)
    for (const id of all) await chats.add(id, [message('m1')], { owner })
    const { ids, list } = listOf(clientOf(server))
    await expect.poll(() => ids().length, { timeout: 5000 }).toBe(30)
    expect(list.snapshot().hasMore).toBe(true)
    await chats.rename('c00', 'The first', { owner })
    await expect.poll(() => ids()[0]).toBe('c00')
    await list.more()
    expect(ids()).toHaveLength(45)
    expect(ids().toSorted()).toEqual(all)
    expect(list.snapshot().chats[0]).toMatchObject({ id: 'c00', title: 'The first' })
    expect(list.snapshot().hasMore).toBe(false)
    await list.more()
    expect(ids()).toHaveLength(45)
  })

  test('it is right again after the server was away, and after it was left', async () => {
    const store = memory()
    const server = await start({ store })
    const client = clientOf(server)
    const page = listOf(client)
    await expect.poll(() => page.list.snapshot().status, { timeout: 5000 }).toBe('live')
    const { port } = server.server.running
    await server.drain()
    servers.splice(0)
    const again = await start({ store, port })
    await again.chats.send('a', { owner, message: message('m1') })
    await expect.poll(page.ids, { timeout: 15_000 }).toEqual(['a'])
    page.undo()
    await again.chats.send('b', { owner, message: message('m1') })
    const back = listOf(client)
    await expect.poll(back.ids, { timeout: 5000 }).toEqual(['b', 'a'])
  })

  test('a user who signed out has no list, and the server is not asked for one until they are back', async () => {
    const tokens = new Map([['first', 'ann']])
    let asked = 0
    const server = await start({
      authenticate: (request) => {
        asked++
        const id = tokens.get(bearerToken(request) ?? '')
        if (id === undefined) throw unauthenticated('Your session is over.')
        return { id }
      },
    })
    await server.chats.add('a', [message('m1')], { owner })
    let token = 'first'
    const client = new ChatClient({ ...clientOptions(server.address, way), token: () => token })
    clients.push(client)
    const { list, ids } = listOf(client)
    await expect.poll(ids, { timeout: 5000 }).toEqual(['a'])
    tokens.clear()
    await server.server.app.disconnect('ann')
    await expect.poll(() => list.snapshot().status, { timeout: 10_000 }).toBe('failed')
    expect(list.snapshot()).toMatchObject({ chats: [], error: { code: 'unauthenticated' } })
    const before = asked
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    await vi.advanceTimersByTimeAsync(60_000)
    vi.useRealTimers()
    expect([client.state, asked]).toEqual(['idle', before])
    token = 'second'
    tokens.set(token, 'ann')
    listOf(client)
    client.chat('a').subscribe(() => {})
    await expect.poll(ids, { timeout: 5000 }).toEqual(['a'])
  })

  test('it fails for users that the server does not know', async () => {
    const script = new Script()
    const server = await startChats({ source: script.source })
    servers.push(server)
    const { list } = listOf(clientOf(server))
    await expect.poll(() => list.snapshot().status, { timeout: 5000 }).toBe('failed')
    expect(list.snapshot()).toMatchObject({ chats: [], error: { code: 'forbidden' } })
  })
})

test('news that comes while the list is loaded is newer than the list', async () => {
  const listing = Promise.withResolvers<unknown>()
  const stream = new FakeStream()
  const feed = new ChatFeed(() => stream as unknown as RemoteStream)
  const requests = { ask: () => listing.promise } as unknown as ChatRequests
  const list = new FollowedList(feed, requests)
  const undo = list.subscribe(() => {})
  stream.say(
    { chat: 'a', createdAt: 1, at: 5, title: 'Ants' },
    { chat: 'b', deleted: true },
    { chat: 'd', createdAt: 6, at: 6 },
  )
  const listed = ['c', 'b', 'a'].map((id, index) => ({ id, createdAt: 1, at: 4 - index }))
  listing.resolve({ chats: listed })
  await expect.poll(() => list.snapshot().status).toBe('live')
  expect(list.snapshot().chats).toEqual([
    { id: 'd', createdAt: 6, at: 6 },
    { id: 'a', createdAt: 1, at: 5, title: 'Ants' },
    { id: 'c', createdAt: 1, at: 4 },
  ])
  undo()
  await expect.poll(() => stream.isClosed).toBe(true)
})

test('a list that was loaded before its feed was there is loaded again', async () => {
  const loads: PromiseWithResolvers<unknown>[] = []
  const requests = {
    ask: () => {
      const load = Promise.withResolvers<unknown>()
      loads.push(load)
      return load.promise
    },
  } as unknown as ChatRequests
  const streams = [new FakeStream(), new FakeStream()]
  const [away, there] = streams
  const feed = new ChatFeed(() => streams.shift() as unknown as RemoteStream)
  if (away) away.status = 'connecting'
  const list = new FollowedList(feed, requests)
  const undo = list.subscribe(() => {})
  away?.finish('error', { code: 'stream_not_found' })
  expect(loads).toHaveLength(1)
  feed.look()
  there?.tell()
  loads[0]?.resolve({ chats: [{ id: 'a', createdAt: 1, at: 1 }] })
  await expect.poll(() => loads.length).toBe(2)
  loads[1]?.resolve({ chats: [{ id: 'b', createdAt: 2, at: 2 }] })
  await expect.poll(() => list.snapshot().chats.map(({ id }) => id)).toEqual(['b'])
  undo()
})
