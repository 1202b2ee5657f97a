/** The rules of docs/stream-socket.md that need a real socket. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { afterEach, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import type { RecordsFrame, ServerFrame } from '../../src/protocol/stream-frames.ts'
import { streamSocket } from '../../src/routing/stream-routes.ts'
import { Application } from '../../src/server/application.ts'
import { memory } from '../../src/streams/memory/store.ts'
import type { StreamStore } from '../../src/streams/store.ts'

const ends: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

interface Server {
  readonly store: StreamStore
  readonly delivery: Delivery
  readonly application: Application
  connect(): Promise<Client>
  /** The server's end of the next connection. */
  nextSocket(): Promise<Socket>
}

/** A client that can stop reading. */
class Client {
  readonly frames: ServerFrame[] = []
  readonly socket: WebSocket
  #wake: (() => void) | undefined

  constructor(url: string) {
    this.socket = new WebSocket(url, ['millrace.v1'])
    this.socket.on('message', (data: Buffer) => {
      this.frames.push(JSON.parse(data.toString()) as ServerFrame)
      this.#wake?.()
    })
  }

  get records(): number[] {
    return this.frames
      .filter((frame): frame is RecordsFrame => frame.type === 'records')
      .flatMap((frame) => frame.records.map((record) => (record as { n: number }).n))
  }

  async until(type: ServerFrame['type']): Promise<ServerFrame> {
    for (;;) {
      const found = this.frames.find((frame) => frame.type === type)
      if (found) return found
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

async function serve(): Promise<Server> {
  const store = memory()
  const delivery = new Delivery({ store })
  const application = new Application({
    routes: [streamSocket('/', { store, delivery })],
    channels: memoryChannels(),
    logger: silentLogger,
  })
  const { port, server } = await application.listen({ port: 0 })
  ends.push(() => application.close())
  const nextSocket = async (): Promise<Socket> => ((await once(server, 'connection')) as [Socket])[0]
  const connect = async (): Promise<Client> => {
    const client = new Client(`ws://127.0.0.1:${port}/`)
    ends.unshift(() => client.socket.terminate())
    await once(client.socket, 'open')
    return client
  }
  return { store, delivery, application, connect, nextSocket }
}

/** Records of about 1 kB, numbered from `first`. */
function wide(first: number, count: number): string[] {
  return Array.from({ length: count }, (_, index) =>
    JSON.stringify({ n: first + index, pad: 'x'.repeat(1000) }),
  )
}

it('SS-15: a client that does not read costs a fixed amount, and then gets everything', async () => {
  const { store, delivery, connect } = await serve()
  await store.create('s')
  const [slow, fast] = [await connect(), await connect()]
  for (const { socket } of [slow, fast]) socket.send('{"type":"subscribe","sub":1,"stream":"s"}')
  await Promise.all([slow.until('subscribed'), fast.until('subscribed')])
  slow.socket.pause()
  // More than the kernel's buffers on both sides hold.
  const total = 30_000
  for (let n = 0; n < total; n += 500) {
    await store.append('s', { records: wide(n, 500) })
    await new Promise((resolve) => setImmediate(resolve))
  }
  await store.append('s', { close: true })
  await fast.until('end')
  expect(fast.records).toEqual(Array.from({ length: total }, (_, n) => n))
  expect(delivery.readers('s')).toBe(1)
  expect(delivery.held).toBeLessThan(5 * 1024 * 1024)
  slow.socket.resume()
  await slow.until('end')
  expect(slow.records).toEqual(fast.records)
}, 20_000)

it('SS-15: many streams on one socket that stalls and goes on', async () => {
  const { store, connect } = await serve()
  const client = await connect()
  const ids = Array.from({ length: 20 }, (_, index) => `s${index}`)
  for (const [sub, id] of ids.entries()) {
    await store.create(id, { records: wide(0, 900), closed: true })
    client.socket.send(JSON.stringify({ type: 'subscribe', sub: sub + 1, stream: id }))
  }
  client.socket.pause()
  await new Promise((resolve) => setImmediate(resolve))
  client.socket.resume()
  const done = (): number => client.frames.filter(({ type }) => type === 'end').length
  while (done() < ids.length) await once(client.socket, 'message')
  for (const sub of ids.keys()) {
    const frames = client.frames.filter(
      (frame): frame is RecordsFrame => frame.type === 'records' && frame.sub === sub + 1,
    )
    expect(frames.flatMap(({ records }) => records)).toHaveLength(900)
    for (const [index, frame] of frames.entries())
      if (index > 0) expect(frame.from).toBe(frames[index - 1]?.offset)
  }
}, 20_000)

it('SS-7: readers of one stream get the same records under their own numbers, however large', async () => {
  const { store, connect } = await serve()
  // Of 100 bytes, what several readers have in common is copied; of 300 kB it is not.
  const records = [wide(0, 1), wide(1, 300), ['{"n":301}']].flat()
  await store.create('s', { records })
  const clients = await Promise.all([connect(), connect(), connect()])
  for (const [index, { socket }] of clients.entries())
    for (const sub of [1, 2])
      socket.send(JSON.stringify({ type: 'subscribe', sub: sub * 10 ** index, stream: 's' }))
  const ofSub = ({ frames }: Client, sub: number): readonly unknown[] =>
    frames.flatMap((frame) => (frame.type === 'records' && frame.sub === sub ? frame.records : []))
  const all = (count: number): Promise<void> =>
    vi.waitFor(() => {
      for (const [index, client] of clients.entries())
        for (const sub of [1, 2]) expect(ofSub(client, sub * 10 ** index)).toHaveLength(count)
    })
  await all(records.length)
  await store.append('s', { records: ['{"n":302}'] })
  await all(records.length + 1)
  const expected = [...records, '{"n":302}'].map((text) => JSON.parse(text) as unknown)
  for (const [index, client] of clients.entries())
    for (const sub of [1, 2]) expect(ofSub(client, sub * 10 ** index)).toEqual(expected)
})

it('SS-25: a server that goes down says when to come back, then closes', async () => {
  const { application, connect } = await serve()
  const client = await connect()
  const closed = once(client.socket, 'close')
  await application.close()
  const [code] = (await closed) as [number]
  expect([client.frames.map(({ type }) => type), code]).toEqual([['drain'], 1012])
})

it('a client that subscribes over and over, and reads no answer, is not read either', async () => {
  const { store, connect, nextSocket } = await serve()
  await store.create('s')
  const accepted = nextSocket()
  const { socket: client } = await connect()
  const socket = await accepted
  client.pause()
  // Every other one finds the number in use, and frees it.
  const subscribe = JSON.stringify({ type: 'subscribe', sub: 1, stream: 's', offset: 'now' })
  const count = 50_000
  for (let n = 0; n < count; n++) client.send(subscribe)
  // What the kernel of the client's side takes of the answers is some megabytes; then nothing moves.
  let still = 0
  for (let before = -1; still < 200;) {
    await new Promise((resolve) => setImmediate(resolve))
    still = socket.bytesRead === before && socket.writableLength > 0 ? still + 1 : 0
    before = socket.bytesRead
  }
  expect(socket.isPaused()).toBe(true)
  expect(socket.writableLength).toBeLessThan(256 * 1024)
  expect(socket.bytesRead).toBeLessThan(count * subscribe.length)
  client.resume()
  await vi.waitUntil(() => socket.bytesRead > count * subscribe.length, { timeout: 10_000 })
})
