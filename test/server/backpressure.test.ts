/** A client that does not read holds up its own handler, and costs the server a bounded number of bytes. */
import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { WebSocketConsumer, websocket } from '../../src/index.ts'
import { serve } from '../support/server.ts'
import { spyOnWrites } from '../support/socket-writes.ts'

const MESSAGE = Buffer.alloc(16_384, 'x')
/** More than the buffers of the kernel on both sides take. */
const MESSAGES = 4_000

/** Sends many messages, each once there is room for it, and tells what was unsent at worst. */
class Awaiting extends WebSocketConsumer {
  static socket: Socket
  static sent = 0
  static worst = 0

  override async receive(): Promise<void> {
    for (let i = 0; i < MESSAGES; i++) {
      await this.send(MESSAGE)
      Awaiting.sent++
      Awaiting.worst = Math.max(Awaiting.worst, Awaiting.socket.writableLength)
    }
  }
}

describe('a handler that awaits', () => {
  it.each([65_536, 1_024])(
    'stops at about %d unsent bytes, and goes on when the client reads',
    async (highWaterMark) => {
      await using server = await serve(
        { routes: [websocket('/ws', Awaiting)] },
        { highWaterMark, pingInterval: 0 },
      )
      const accepted = server.nextSocket()
      await using client = await server.connect('/ws')
      Object.assign(Awaiting, { socket: await accepted, sent: 0, worst: 0 })
      let received = 0
      client.socket.removeAllListeners('message').on('message', () => received++)
      client.socket.pause()
      client.send('start')
      // Held up: what is unsent stays so for many turns, in which a handler that was not would send more.
      let still = 0
      for (let before = -1; still < 200; before = Awaiting.sent) {
        await nextTurn()
        still = Awaiting.sent === before && Awaiting.socket.writableLength > 0 ? still + 1 : 0
      }
      expect(Awaiting.sent).toBeLessThan(MESSAGES)
      client.socket.resume()
      await vi.waitUntil(() => received === MESSAGES, { timeout: 10_000 })
      expect(Awaiting.worst).toBeLessThanOrEqual(highWaterMark + MESSAGE.length + 4)
    },
  )

  it('is told by a rejection when the client leaves meanwhile', async () => {
    const outcome = Promise.withResolvers<unknown>()
    class Stopped extends WebSocketConsumer {
      override async receive(): Promise<void> {
        try {
          for (;;) await this.send(MESSAGE)
        } catch (error) {
          outcome.resolve(error)
          throw error
        }
      }
    }
    await using server = await serve({ routes: [websocket('/ws', Stopped)] })
    const accepted = server.nextSocket()
    await using client = await server.connect('/ws')
    const socket = await accepted
    client.socket.pause()
    client.send('start')
    await vi.waitUntil(() => socket.writableLength > 0)
    client.socket.terminate()
    expect(await outcome.promise).toMatchObject({ name: 'ConnectionClosedError', code: 1006 })
    expect(server.log.entries).toEqual([])
  })
})

describe('a handler that does not await', () => {
  class Careless extends WebSocketConsumer {
    static readonly ends: unknown[] = []
    override async receive(): Promise<void> {
      for (let i = 1; !this.signal.aborted; i++) {
        // oxlint-disable-next-line typescript/no-floating-promises -- what is tested
        this.send(MESSAGE)
        if (i % 16 === 0) await nextTurn()
      }
    }
    override disconnect(...end: unknown[]): void {
      Careless.ends.push(end)
    }
  }

  it('has its client cut off at maxUnsent, and nobody else', async () => {
    await using server = await serve(
      { routes: [websocket('/ws', Careless), websocket('/other', WebSocketConsumer)] },
      { maxUnsent: 1_000_000 },
    )
    await using other = await server.connect('/other')
    const accepted = server.nextSocket()
    await using client = await server.connect('/ws')
    const socket = await accepted
    client.socket.pause()
    client.send('start')
    let worst = 0
    while (!socket.destroyed) {
      worst = Math.max(worst, socket.writableLength)
      await nextTurn()
    }
    await vi.waitUntil(() => Careless.ends.length > 0)
    expect(Careless.ends).toEqual([[1008, 'The client does not read']])
    expect(worst).toBeLessThanOrEqual(1_000_000 + MESSAGE.length + 4)
    expect(other.socket.readyState).toBe(other.socket.OPEN)
    expect(server.log.entries).toMatchObject([
      {
        level: 'warn',
        message: expect.stringContaining('await this.send(…)') as string,
        fields: { scope: { path: '/ws' }, limit: 1_000_000 },
      },
    ])
  })
})

describe('what is sent within one turn', () => {
  it('leaves in one write, and arrives in order', async () => {
    class Bursting extends WebSocketConsumer {
      override async receive(): Promise<void> {
        for (let i = 0; i < 500; i++) await this.send(`message ${i}`)
      }
    }
    await using server = await serve({ routes: [websocket('/ws', Bursting)] })
    const accepted = server.nextSocket()
    await using client = await server.connect('/ws')
    const socket = await accepted
    const writes = spyOnWrites(socket)
    client.send('start')
    for (let i = 0; i < 500; i++) expect(await client.receive()).toBe(`message ${i}`)
    expect(writes).toHaveBeenCalledTimes(1)
  })

  it('leaves in one write for each of many connections', async () => {
    class Listener extends WebSocketConsumer {
      override readonly groups = ['all']
      said(): Promise<unknown> {
        return Promise.all([this.send('one'), this.send('two'), this.send('three')])
      }
    }
    await using server = await serve({ routes: [websocket('/ws', Listener)] })
    const writes: ReturnType<typeof spyOnWrites>[] = []
    server.running.server.on('connection', (socket: Socket) => writes.push(spyOnWrites(socket)))
    const clients = await Promise.all(Array.from({ length: 5 }, () => server.connect('/ws')))
    for (const write of writes) write.mockClear()
    await server.app.channels.groupSend('all', { type: 'said' })
    for (const client of clients) {
      expect([await client.receive(), await client.receive(), await client.receive()]).toEqual([
        'one',
        'two',
        'three',
      ])
    }
    expect(writes.map((write) => write.mock.calls.length)).toEqual([1, 1, 1, 1, 1])
    for (const client of clients) await client.close()
  })
})
