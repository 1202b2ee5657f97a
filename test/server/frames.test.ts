/** Frames go past sessions and `ws`, to many sockets in a row. */
import type { Socket } from 'node:net'
import { expect, it, vi } from 'vitest'
import type { ConsumerConnection, ConsumerContext } from '../../src/consumers/consumer.ts'
import { TextFrame } from '../../src/consumers/text-frame.ts'
import { WebSocketConsumer, websocket } from '../../src/index.ts'
import { serve } from '../support/server.ts'
import { spyOnWrites } from '../support/socket-writes.ts'

/** Some connections, their clients, and what their sockets write. */
async function connect(count: number, options: Parameters<typeof serve>[1] = {}) {
  const connections: ConsumerConnection[] = []
  class Framing extends WebSocketConsumer {
    constructor(context: ConsumerContext) {
      super(context)
      connections.push(context.connection)
    }
  }
  const server = await serve({ routes: [websocket('/ws', Framing)] }, options)
  const sockets: Socket[] = []
  server.running.server.on('connection', (socket: Socket) => sockets.push(socket))
  const clients = []
  for (let n = 0; n < count; n++) clients.push(await server.connect('/ws'))
  return { server, connections, clients, sockets, writes: sockets.map(spyOnWrites) }
}

it('leave in one write for each connection once all have theirs, and arrive in order', async () => {
  const { server, connections, clients, writes } = await connect(3)
  await using _ = server
  for (const text of ['one', 'two']) {
    for (const { frames } of connections) expect(frames.write(TextFrame.of(text))).toBe(true)
  }
  expect(writes.map(({ mock }) => mock.calls.length)).toEqual([0, 0, 0])
  await Promise.resolve()
  expect(writes.map(({ mock }) => mock.calls.length)).toEqual([1, 1, 1])
  for (const client of clients)
    expect([await client.receive(), await client.receive()]).toEqual(['one', 'two'])
  for (const client of clients) await client.close()
})

it('wait for nobody when they are large, nor pass those before them', async () => {
  const { server, connections, clients, writes } = await connect(2)
  await using _ = server
  const large = 'x'.repeat(20_000)
  const [first, second] = connections.map(({ frames }) => frames)
  first?.write(TextFrame.of(large))
  second?.write(TextFrame.of('small'))
  second?.write(TextFrame.of(large))
  expect(writes.map(({ mock }) => mock.calls.length)).toEqual([1, 0])
  expect(await clients[0]?.receive()).toBe(large)
  expect([await clients[1]?.receive(), await clients[1]?.receive()]).toEqual(['small', large])
  for (const client of clients) await client.close()
})

it('are refused once the connection closes, by either side or by none', async () => {
  const { server, connections, clients, sockets } = await connect(3)
  await using _ = server
  const frame = TextFrame.of('late')
  connections[0]?.close(1000, '')
  expect(connections[0]?.frames.write(frame)).toBe(false)
  const closing = clients[1]?.close()
  await vi.waitUntil(() => connections[1]?.frames.write(frame) === false)
  await closing
  // Half of it is gone, without a word of the protocol.
  const socket = sockets[2] as Socket
  socket.emit('end')
  expect(connections[2]?.frames.write(frame)).toBe(false)
  expect(socket.errored).toBeNull()
  clients[2]?.socket.terminate()
})

it('find no room from when they were refused until that is taken back, also where there is some before', async () => {
  const { server, connections, clients } = await connect(1, { highWaterMark: 1000 })
  await using _ = server
  const [connection] = connections
  let drained = 0
  connection?.listen({ drained: () => void drained++, restarting: () => {}, ended: () => {} })
  expect(connection?.frames.write(TextFrame.of('x'.repeat(2000)))).toBe(false)
  // The socket has written it by then, and has not said so.
  await Promise.resolve()
  expect([connection?.frames.write(TextFrame.of('y')), drained]).toEqual([false, 0])
  await vi.waitUntil(() => drained > 0)
  expect([connection?.frames.write(TextFrame.of('z')), drained]).toEqual([true, 1])
  expect([await clients[0]?.receive(), await clients[0]?.receive(), await clients[0]?.receive()]).toEqual([
    'x'.repeat(2000),
    'y',
    'z',
  ])
  await clients[0]?.close()
})
