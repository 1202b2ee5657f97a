/** Who does not read is cut; who reads slowly, or has nothing to read, is not. */
import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocketConsumer, http, websocket } from '../../../src/index.ts'
import { UnreadWatch, type Watched } from '../../../src/server/websocket/unread-watch.ts'
import { OPCODES, clientFrame } from '../../support/raw-client.ts'
import { serve } from '../../support/server.ts'

/** A client, in terms of what the kernel of a server says of it. */
class Fake implements Watched {
  readonly handle = { bytesWritten: 0, writeQueueSize: 0 }
  cut: number | undefined

  get socket(): Duplex {
    return { writableLength: this.handle.writeQueueSize, _handle: this.handle } as unknown as Duplex
  }

  write(bytes: number): void {
    this.handle.bytesWritten += bytes
    this.handle.writeQueueSize += bytes
  }

  read(bytes: number): void {
    this.handle.writeQueueSize -= bytes
  }

  cutUnread(): void {
    this.cut = Math.round(performance.now() - start) / 1000
  }
}

let start = 0

describe('a watch of 60 seconds', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    start = performance.now()
  })
  afterEach(() => void vi.useRealTimers())

  it('cuts who takes nothing in that time, once', () => {
    const watch = new UnreadWatch(60)
    const client = new Fake()
    watch.add(client)
    client.write(1_000_000)
    vi.advanceTimersByTime(60_000)
    expect(client.cut).toBeUndefined()
    vi.advanceTimersByTime(15_000)
    expect(client.cut).toBe(75)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('lets be who takes a little of one large write, and who has nothing to take', () => {
    const watch = new UnreadWatch(60)
    const [slow, idle] = [new Fake(), new Fake()]
    slow.write(1_000_000)
    for (const client of [slow, idle]) watch.add(client)
    for (let n = 0; n < 20; n++) {
      vi.advanceTimersByTime(50_000)
      slow.read(1_000)
    }
    expect([slow.cut, idle.cut]).toEqual([undefined, undefined])
  })

  it('counts anew from each progress', () => {
    const watch = new UnreadWatch(60)
    const client = new Fake()
    watch.add(client)
    client.write(1_000_000)
    vi.advanceTimersByTime(50_000)
    client.read(1)
    vi.advanceTimersByTime(55_000)
    expect(client.cut).toBeUndefined()
    vi.advanceTimersByTime(40_000)
    expect(client.cut).toBeDefined()
  })

  it('does not judge a socket that does not say what was taken', () => {
    const watch = new UnreadWatch(60)
    let cut = 0
    const socket = { writableLength: 10 } as unknown as Duplex
    const client: Watched = { socket, cutUnread: () => void cut++ }
    watch.add(client)
    vi.advanceTimersByTime(1_000_000)
    watch.delete(client)
    expect([cut, vi.getTimerCount()]).toEqual([0, 0])
  })
})

const LARGE = Buffer.alloc(16 * 1024 * 1024, 'x')

it('a WebSocket that sends pings and messages, and reads nothing, is cut and its consumer told', async () => {
  const ended = Promise.withResolvers<unknown>()
  class Sending extends WebSocketConsumer {
    override async connect(): Promise<void> {
      await this.accept()
      this.background(() => this.send(LARGE))
    }
    override disconnect(...end: unknown[]): void {
      ended.resolve(end)
    }
  }
  await using server = await serve(
    { routes: [websocket('/ws', Sending)] },
    { unreadTimeout: 0.2, pingInterval: 0.05, pingTimeout: 30 },
  )
  await using client = await server.raw()
  client.upgrade('/ws')
  await client.response()
  client.socket.pause()
  const alive = setInterval(() => {
    for (const opcode of [OPCODES.ping, OPCODES.pong, OPCODES.text]) client.write(clientFrame(opcode))
  }, 20)
  try {
    expect(await ended.promise).toEqual([1008, 'The client does not read'])
  } finally {
    clearInterval(alive)
  }
  expect(server.log.entries).toMatchObject([
    { level: 'info', message: 'client cut off: it does not read', fields: { scope: { path: '/ws' } } },
  ])
})

it('an HTTP answer that nobody reads is cut', async () => {
  await using server = await serve(
    { routes: [http('/large', () => new Response(LARGE))] },
    { unreadTimeout: 0.2 },
  )
  const accepted = server.nextSocket()
  await using client = await server.raw()
  const socket = await accepted
  client.socket.pause()
  client.request('GET /large')
  await vi.waitUntil(() => socket.destroyed, { timeout: 10_000 })
  expect(server.log.entries).toMatchObject([
    { level: 'info', message: 'client cut off: it does not read', fields: { scope: { path: '/large' } } },
  ])
})

it('one whose answer it reads is not, however many went before', async () => {
  await using server = await serve(
    { routes: [http('/page', () => new Response('page'))] },
    { unreadTimeout: 0.1 },
  )
  await using client = await server.raw()
  for (let n = 0; n < 50; n++) {
    client.request('GET /page')
    expect((await client.response()).body).toBe('page')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  expect(server.log.entries).toEqual([])
})
