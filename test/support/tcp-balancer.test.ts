import { once } from 'node:events'
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, expect, it } from 'vitest'
import { TcpBalancer, type TcpBalancerOptions } from './tcp-balancer.ts'

const ends: (() => unknown)[] = []

afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

/** A server that sends its name, and then whatever it is sent. */
async function backend(name: string): Promise<{ port: number; server: Server; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => socket.destroy())
    socket.write(name)
    socket.pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  ends.push(() => server.close())
  return { port: (server.address() as AddressInfo).port, server, sockets }
}

async function balancerTo(backends: readonly number[], options: Partial<TcpBalancerOptions> = {}) {
  const balancer = await TcpBalancer.start({ backends: () => backends, ...options })
  ends.push(() => balancer.close())
  return balancer
}

/** The name of the server that a new connection reached. */
async function reached({ port }: TcpBalancer): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const [name] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return String(name)
}

it('goes from one server to the next, or where it is told', async () => {
  const ports = [(await backend('a')).port, (await backend('b')).port]
  const inTurn = await balancerTo(ports)
  expect([await reached(inTurn), await reached(inTurn), await reached(inTurn)]).toEqual(['a', 'b', 'a'])
  const last = await balancerTo(ports, { pick: (count) => count - 1 })
  expect([await reached(last), await reached(last)]).toEqual(['b', 'b'])
})

it('passes over a server that refuses, and ends a connection that nobody takes', async () => {
  const dead = await backend('dead')
  await new Promise((resolve) => dead.server.close(resolve))
  const alive = await backend('alive')
  const balancer = await balancerTo([dead.port, alive.port], { pick: () => 0 })
  expect(await reached(balancer)).toBe('alive')
  expect(balancer.refusals).toBe(1)
  const none = await balancerTo([dead.port])
  expect(await text(connect(none.port, '127.0.0.1'))).toBe('')
})

it('cuts both sides of a connection, and forgets one whose server is gone', async () => {
  const { port, sockets } = await backend('a')
  const balancer = await balancerTo([port])
  const [cut, lost] = [connect(balancer.port, '127.0.0.1'), connect(balancer.port, '127.0.0.1')]
  await Promise.all([once(cut, 'data'), once(lost, 'data')])
  expect(balancer.connections).toBe(2)
  const closed = [once(cut, 'close'), once(lost, 'close'), ...sockets.map((one) => once(one, 'close'))]
  balancer.cut(0)
  sockets[1]?.destroy()
  await Promise.all(closed)
  await expect.poll(() => balancer.connections).toBe(0)
})

it('holds back what a server sends, and loses none of it', async () => {
  const { port } = await backend('')
  const balancer = await balancerTo([port])
  const socket = connect(balancer.port, '127.0.0.1')
  const pieces: string[] = []
  socket.on('data', (data) => pieces.push(String(data)))
  const other = connect(balancer.port, '127.0.0.1')
  socket.write('1')
  await once(socket, 'data')
  const goOn = balancer.stall(0)
  socket.write('2')
  // Sent behind it on another connection, and answered.
  other.write('echo')
  await once(other, 'data')
  expect(pieces).toEqual(['1'])
  const resumed = once(socket, 'data')
  goOn()
  await resumed
  expect(pieces.join('')).toBe('12')
  other.destroy()
  socket.destroy()
})
