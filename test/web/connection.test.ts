import { describe, expect, it, vi } from 'vitest'
import { Connection } from '../../web/src/connection.ts'
import { FakeClock, FakeNetwork } from './fakes.ts'

function setUp({ online = true, random = 1 } = {}) {
  const clock = new FakeClock()
  const network = new FakeNetwork()
  const receiver = { message: vi.fn<(data: unknown) => void>(), lost: vi.fn<(code: number) => void>() }
  const connection = new Connection({ open: network.open, receiver, clock, random: () => random, online })
  return { clock, network, receiver, connection }
}

function setUpConnected() {
  const world = setUp()
  world.connection.connect()
  world.network.socket.handlers.open()
  return world
}

describe('Connection', () => {
  it('connects once, and says so', () => {
    const { connection, network } = setUp()
    const listener = vi.fn<() => void>()
    connection.subscribe(listener)
    connection.connect()
    connection.connect()
    expect(network.sockets).toHaveLength(1)
    expect(connection.getSnapshot()).toEqual({ status: 'connecting', failures: 0 })
    network.socket.handlers.open()
    expect(connection.getSnapshot()).toEqual({ status: 'connected', failures: 0 })
    expect(listener).toHaveBeenCalledTimes(2)
  })

  it('keeps its snapshot the same object between changes', () => {
    const { connection } = setUpConnected()
    expect(connection.getSnapshot()).toBe(connection.getSnapshot())
  })

  it('tells a listener nothing once it is undone', () => {
    const { connection } = setUp()
    const listener = vi.fn<() => void>()
    connection.subscribe(listener)()
    connection.connect()
    expect(listener).not.toHaveBeenCalled()
  })

  it('sends when connected, and says when it could not', () => {
    const { connection, network } = setUp()
    expect(connection.send('{}')).toBe(false)
    connection.connect()
    expect(connection.send('{}')).toBe(false)
    network.socket.handlers.open()
    expect(connection.send('{"message":"start"}')).toBe(true)
    expect(network.socket.sent).toEqual([{ message: 'start' }])
  })

  it('hands on what arrives', () => {
    const { network, receiver } = setUpConnected()
    network.socket.handlers.message('one')
    expect(receiver.message.mock.calls).toEqual([['one']])
  })

  it('waits longer after every failure, and anew once a connection has held', () => {
    const { clock, connection, network } = setUp()
    connection.connect()
    const delays = []
    for (let i = 0; i < 4; i++) {
      network.socket.handlers.close(1006)
      const state = connection.getSnapshot()
      if (state.status !== 'reconnecting') throw new Error(state.status)
      delays.push(state.retryAt - clock.now())
      clock.advance(state.retryAt - clock.now())
    }
    expect(delays).toEqual([500, 1000, 2000, 4000])
    expect(connection.getSnapshot()).toEqual({ status: 'connecting', failures: 4 })

    network.socket.handlers.open()
    clock.advance(5000)
    network.socket.handlers.close(1006)
    expect(connection.getSnapshot()).toMatchObject({ status: 'reconnecting', retryAt: clock.now() + 500 })
  })

  it('does not hurry back to a server that hangs up at once', () => {
    const { clock, connection, network } = setUp()
    connection.connect()
    for (const delay of [500, 1000, 2000]) {
      network.socket.handlers.open()
      network.socket.handlers.close(1011)
      expect(connection.getSnapshot()).toMatchObject({ retryAt: clock.now() + delay })
      clock.advance(delay)
    }
  })

  it('comes back soon after a restart of the server', () => {
    const { clock, connection, network } = setUpConnected()
    network.socket.handlers.close(1012)
    expect(connection.getSnapshot()).toMatchObject({ status: 'reconnecting', retryAt: clock.now() + 1250 })
    clock.advance(1250)
    expect(network.sockets).toHaveLength(2)
  })

  it('reports the loss of an open connection only', () => {
    const { clock, network, receiver } = setUpConnected()
    network.socket.handlers.close(1012)
    expect(receiver.lost.mock.calls).toEqual([[1012]])
    clock.advance(2000)
    network.socket.handlers.close(1006)
    expect(receiver.lost).toHaveBeenCalledTimes(1)
  })

  it('gives up a handshake that takes too long, and does not hear it any more', () => {
    const { clock, connection, network } = setUp()
    connection.connect()
    const slow = network.socket
    clock.advance(10_000)
    expect(slow.closed).toBe(true)
    expect(connection.getSnapshot()).toMatchObject({ status: 'reconnecting' })
    slow.handlers.open()
    expect(connection.getSnapshot()).toMatchObject({ status: 'reconnecting' })
  })

  it('drops a dead socket without a word, and connects anew', () => {
    const { clock, connection, network, receiver } = setUpConnected()
    const dead = network.socket
    connection.drop()
    expect(dead.closed).toBe(true)
    dead.handlers.message('late')
    dead.handlers.close(1006)
    clock.advance(500)
    expect(network.sockets).toHaveLength(2)
    expect(receiver.message).not.toHaveBeenCalled()
    expect(receiver.lost).not.toHaveBeenCalled()
  })

  it('cuts a wait short when asked to connect', () => {
    const { clock, connection, network } = setUpConnected()
    network.socket.handlers.close(1006)
    connection.connect()
    expect(network.sockets).toHaveLength(2)
    network.socket.handlers.open()
    clock.advance(60_000)
    expect(network.sockets).toHaveLength(2)
  })

  it('says offline while the device does, and still tries: the server may be on the device', () => {
    const { clock, connection, network } = setUp({ online: false })
    connection.connect()
    network.socket.handlers.close(1006)
    expect(connection.getSnapshot()).toMatchObject({ status: 'offline', retryAt: 500 })
    clock.advance(500)
    network.socket.handlers.open()
    expect(connection.getSnapshot()).toMatchObject({ status: 'connected' })
  })

  it('connects at once when the network is back', () => {
    const { connection, network } = setUpConnected()
    network.socket.handlers.close(1006)
    connection.setOnline(false)
    expect(connection.getSnapshot()).toMatchObject({ status: 'offline' })
    connection.setOnline(true)
    expect(connection.getSnapshot()).toMatchObject({ status: 'connecting' })
    expect(network.sockets).toHaveLength(2)
  })

  it('leaves an open connection alone, whatever the device says', () => {
    const { connection, network } = setUpConnected()
    connection.setOnline(false)
    connection.setOnline(true)
    expect(connection.getSnapshot()).toMatchObject({ status: 'connected' })
    expect(network.sockets).toHaveLength(1)
  })

  it('leaves no timer when it is closed', () => {
    const { clock, connection, network, receiver } = setUpConnected()
    connection.close()
    expect(network.socket.closed).toBe(true)
    network.socket.handlers.close(1000)
    expect(clock.pending).toBe(0)
    expect(connection.getSnapshot()).toEqual({ status: 'closed' })
    expect(receiver.lost).not.toHaveBeenCalled()
  })

  it('leaves no timer when it is closed while it waits', () => {
    const { clock, connection, network } = setUpConnected()
    network.socket.handlers.close(1006)
    connection.close()
    expect(clock.pending).toBe(0)
  })
})
