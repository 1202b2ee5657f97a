/** What waits for a client costs what the limits say, and limits hit nobody who reads. */
import type { Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it, vi } from 'vitest'
import { WebSocketConsumer, type WebSocketData, websocket } from '../../src/index.ts'
import { serve } from '../support/server.ts'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Bytes that the program holds. */
function held(): number {
  gc()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

it.each<[string, WebSocketData]>([
  ['text', 'abcd'],
  ['binary', new Uint8Array(4)],
])('messages of 4 bytes in %s to a client that does not read cost what they are charged', async (_, data) => {
  const measured = Promise.withResolvers<{ bytes: number; unsent: number }>()
  class Careless extends WebSocketConsumer {
    override async receive(): Promise<void> {
      const before = held()
      const { bytesWritten } = socket
      for (let sent = 0; sent < 1_000_000; sent++) {
        // oxlint-disable-next-line typescript/no-floating-promises -- what is tested
        this.send(data)
        if (sent % 1_000 === 999) await nextTurn()
      }
      // All but what the kernel has taken.
      const unsent = 6_000_000 - (socket.bytesWritten - bytesWritten - socket.writableLength)
      measured.resolve({ bytes: held() - before, unsent })
    }
  }
  await using server = await serve({ routes: [websocket('/ws', Careless)] })
  const accepted = server.nextSocket()
  await using client = await server.connect('/ws')
  const socket: Socket = await accepted
  client.socket.pause()
  client.send('start')
  const { bytes, unsent } = await measured.promise
  expect(unsent).toBeGreaterThan(1_000_000)
  expect(bytes).toBeLessThan(2 * unsent)
})

it('a client that reads gets an awaited message above the limit, and small ones beside it', async () => {
  const large = 'x'.repeat(4_000_000)
  class Both extends WebSocketConsumer {
    override async receive(): Promise<void> {
      this.background(async () => {
        for (let n = 0; n < 200; n++) {
          // oxlint-disable-next-line typescript/no-floating-promises -- what is tested
          this.send('small')
          await nextTurn()
        }
      })
      await this.send(large)
      await this.send('done')
    }
  }
  await using server = await serve({ routes: [websocket('/ws', Both)] }, { maxUnsent: 100_000 })
  await using client = await server.connect('/ws')
  const got: unknown[] = []
  client.socket.removeAllListeners('message').on('message', (data: Buffer) => got.push(data.toString()))
  client.send('start')
  await vi.waitUntil(() => got.length === 202, { timeout: 10_000 })
  expect(got.filter((message) => message !== 'small')).toEqual([large, 'done'])
  expect(server.log.entries).toEqual([])
})

it('the access log says how each WebSocket ended, after how long, and how much went over it', async () => {
  class Echo extends WebSocketConsumer {
    override receive(message: WebSocketData): Promise<void> {
      return this.send(message)
    }
  }
  await using server = await serve({ routes: [websocket('/ws', Echo)] }, { accessLog: true })
  const client = await server.connect('/ws')
  client.send('x'.repeat(1_000))
  await client.receive()
  await client.close(4001)
  await vi.waitUntil(() => server.log.entries.length === 2)
  const [opened, closed] = server.log.entries
  expect(opened).toMatchObject({ message: 'websocket', fields: { status: 101 } })
  expect(closed).toMatchObject({
    level: 'info',
    message: 'websocket closed',
    fields: { scope: { path: '/ws' }, code: 4001, seconds: expect.any(Number) as number },
  })
  const { sent, received } = closed!.fields as { sent: number; received: number }
  // The message, frames and the handshake.
  for (const bytes of [sent, received]) {
    expect(bytes).toBeGreaterThan(1_000)
    expect(bytes).toBeLessThan(2_000)
  }
})
