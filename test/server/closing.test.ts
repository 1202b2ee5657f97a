/** What was sent before a close arrives, also at a client that reads slowly. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { WebSocketConsumer, websocket } from '../../src/index.ts'
import { serve } from '../support/server.ts'

/** More than the buffers of the kernel on both sides take. */
const LARGE = 12 * 1024 * 1024

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'],
  })
})
afterEach(() => void vi.useRealTimers())

class Leaving extends WebSocketConsumer {
  static size = 0
  override async receive(): Promise<void> {
    // oxlint-disable-next-line typescript/no-floating-promises -- what is tested
    this.send(Buffer.alloc(Leaving.size, 'x'))
    this.close(4000, 'bye')
  }
}

/** A client that does not read, and the server's end of it, once the message and the close were sent. */
async function leave(size: number) {
  Leaving.size = size
  const server = await serve({ routes: [websocket('/ws', Leaving)] })
  const accepted = server.nextSocket()
  const client = await server.connect('/ws')
  const socket = await accepted
  client.socket.pause()
  client.send('go')
  await vi.waitUntil(() => socket.bytesWritten > size)
  return { server, client, socket }
}

async function pass(seconds: number, until: () => boolean = () => false): Promise<void> {
  for (let n = 0; n < seconds && !until(); n++) {
    vi.advanceTimersByTime(1_000)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

it('megabytes that the client does not begin to read for half a minute', async () => {
  const { server, client, socket } = await leave(LARGE)
  await using _ = server
  await pass(30)
  expect(socket.writableLength).toBeGreaterThan(0)
  client.socket.resume()
  expect((await client.receive()).length).toBe(LARGE)
  expect(await client.closed).toEqual({ code: 4000, reason: 'bye' })
  expect(server.log.entries).toEqual([])
})

it('what the network holds, to a client that speaks before it reads', async () => {
  const size = 1024 * 1024
  const { server, client, socket } = await leave(size)
  await using _ = server
  await vi.waitUntil(() => socket.writableLength === 0)
  // Half of the connection is closed; the other half is still read.
  await pass(12)
  expect(socket.writableEnded).toBe(true)
  const { bytesRead } = socket
  client.send('still here')
  await vi.waitUntil(() => socket.bytesRead > bytesRead)
  client.socket.resume()
  expect((await client.receive()).length).toBe(size)
  expect(await client.closed).toEqual({ code: 4000, reason: 'bye' })
})

it('nobody is waited for without end', async () => {
  const { server, client, socket } = await leave(10)
  await using _ = server
  await pass(200, () => socket.destroyed)
  expect(socket.destroyed).toBe(true)
  await client[Symbol.asyncDispose]()
})
