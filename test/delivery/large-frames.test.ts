/** What large records cost that wait for readers who take their time. */
import { once } from 'node:events'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Application } from '../../src/server/application.ts'
import { memoryChannels } from '../../src/channels/memory/layer.ts'
import { Delivery } from '../../src/delivery/delivery.ts'
import type { DeliveryOptions } from '../../src/delivery/delivery.ts'
import { httpStreams, streamSocket } from '../../src/routing/stream-routes.ts'
import { memory } from '../../src/streams/memory/store.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { FakeReader } from './readers.ts'

const SIZE = 400 * 1024
const ends: (() => unknown)[] = []

afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

async function make(
  count: number,
  options: Partial<DeliveryOptions> = {},
  size = SIZE,
): Promise<{ store: StreamStore; delivery: Delivery }> {
  const store = memory()
  for (let n = 0; n < count; n++)
    await store.create(`s${n}`, { records: [JSON.stringify('x'.repeat(size - 2)), '"end"'], closed: true })
  const delivery = new Delivery({ store, logger: silentLogger, largeFramesSize: 3 * SIZE, ...options })
  ends.push(() => delivery.close())
  return { store, delivery }
}

/** Follows each stream with a reader that is full after one frame. */
function slowReaders(delivery: Delivery, count: number, stream = (n: number) => `s${n}`): FakeReader[] {
  return Array.from({ length: count }, (_, n) => new FakeReader(1).follow(delivery, stream(n)))
}

async function settled(delivery: Delivery, waiting: number): Promise<void> {
  await expect.poll(() => delivery.large.waiting).toBe(waiting)
}

describe('readers of large records', () => {
  it('hold a fixed number of bytes together, and are served in their turn', async () => {
    const { delivery } = await make(10)
    const readers = slowReaders(delivery, 10)
    await settled(delivery, 7)
    expect(delivery.large.used).toBe(3 * SIZE)
    expect(readers.map(({ frames }) => frames.length)).toEqual([1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    for (const reader of readers) {
      await reader.until(() => reader.frames.length > 0)
      expect(delivery.large.used).toBeLessThanOrEqual(3 * SIZE)
      reader.drain(10)
      expect((await reader.untilOver()).type).toBe('end')
      expect(reader.records).toHaveLength(2)
    }
    expect(delivery.large.used).toBe(0)
  })

  it('share what is the same, however many they are', async () => {
    const { delivery } = await make(1)
    const readers = slowReaders(delivery, 50, () => 's0')
    await Promise.all(readers.map((reader) => reader.until(() => reader.frames.length > 0)))
    expect(delivery.large.used).toBe(SIZE)
  })

  it('get a record that is larger than all may hold, one after the other', async () => {
    const { delivery } = await make(2, { largeFramesSize: SIZE / 2 })
    const [first, second] = slowReaders(delivery, 2) as [FakeReader, FakeReader]
    await settled(delivery, 1)
    first.drain(10)
    await first.untilOver()
    await second.until(() => second.frames.length > 0)
    expect(second.records[0]).toHaveLength(SIZE)
  })

  it('do not keep a reader of small ones waiting', async () => {
    const { store, delivery } = await make(5)
    slowReaders(delivery, 5)
    await settled(delivery, 2)
    await store.create('small', { records: ['1'], closed: true })
    expect((await new FakeReader().follow(delivery, 'small').untilOver()).type).toBe('end')
  })

  it('leave the line when they go, and give back the turn that they had', async () => {
    const { delivery } = await make(6)
    const readers = slowReaders(delivery, 6)
    await settled(delivery, 3)
    readers[3]?.stop()
    await settled(delivery, 2)
    readers[0]?.drain(10)
    // Its turn has come, and it goes before it takes it.
    readers[4]?.stop()
    await readers[5]?.until(() => readers[5]?.frames.length === 1)
    expect(delivery.large.used).toBe(3 * SIZE)
  })

  it('are cut when they hold one for too long while others wait, and not before', async () => {
    const { delivery } = await make(4, { largeFramesPatienceMs: 20 })
    const readers = slowReaders(delivery, 3)
    await Promise.all(readers.map((reader) => reader.until(() => reader.frames.length > 0)))
    const late = new FakeReader(1).follow(delivery, 's3')
    await late.until(() => late.frames.length > 0)
    expect(readers.map(({ isCut }) => isCut)).toContain(true)
    expect(readers.filter(({ isCut }) => isCut)).toHaveLength(1)
  })
})

describe('on a server', () => {
  const LARGE = 8 * 1024 * 1024
  const serve = async (count: number): Promise<{ delivery: Delivery; host: string }> => {
    const { store, delivery } = await make(count, { largeFramesSize: 2 * LARGE }, LARGE - 64)
    const routes = [streamSocket('/ws', { store, delivery }), httpStreams('/streams', { store, delivery })]
    const application = new Application({ routes, channels: memoryChannels(), logger: silentLogger })
    const { port } = await application.listen({ port: 0, shutdownTimeout: 0 })
    ends.unshift(() => application.close())
    return { delivery, host: `127.0.0.1:${port}` }
  }

  it('a WebSocket that is gone gives back what it held, and a waiting one is served', async () => {
    const { delivery, host } = await serve(4)
    const sockets = []
    for (let n = 0; n < 4; n++) {
      const socket = new WebSocket(`ws://${host}/ws`, 'millrace.v1', { maxPayload: 2 * LARGE })
      sockets.push(socket)
      ends.unshift(() => socket.terminate())
      await once(socket, 'open')
      socket.send(`{"type":"subscribe","sub":1,"stream":"s${n}"}`)
      await once(socket, 'message')
      socket.pause()
    }
    await settled(delivery, 2)
    expect(delivery.large.used).toBeLessThanOrEqual(2 * LARGE)
    sockets[0]?.terminate()
    await settled(delivery, 1)
    const last = sockets[3] as WebSocket
    const lengths: number[] = []
    last.on('message', (data: Buffer) => lengths.push(data.length))
    for (const socket of sockets) socket.resume()
    await expect.poll(() => Math.max(0, ...lengths)).toBeGreaterThan(LARGE - 1024)
    await expect.poll(() => delivery.large.used).toBe(0)
  })

  it('an answer over HTTP for which there is no room is refused with 503 for a moment', async () => {
    const { delivery, host } = await serve(3)
    const held = [new AbortController(), new AbortController()]
    for (const [n, { signal }] of held.entries()) {
      const answer = await fetch(`http://${host}/streams/s${n}`, { signal })
      expect(answer.status).toBe(200)
    }
    const refused = await fetch(`http://${host}/streams/s2`)
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('1')
    expect(await refused.json()).toMatchObject({ error: { code: 'too_much_at_once' } })
    for (const controller of held) controller.abort()
    await expect.poll(() => delivery.large.used).toBe(0)
    expect((await (await fetch(`http://${host}/streams/s2`)).json()) as unknown[]).toHaveLength(1)
  })
})
