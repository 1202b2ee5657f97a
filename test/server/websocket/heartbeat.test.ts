import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { WebSocketConsumer, type WebSocketData, websocket } from '../../../src/index.ts'
import { type Beating, Heartbeat } from '../../../src/server/websocket/heartbeat.ts'
import { OPCODES, clientFrame } from '../../support/raw-client.ts'
import { serve } from '../../support/server.ts'

/** A connection that keeps what happened to it, in seconds since the start. */
class Fake implements Beating {
  readonly pings: number[] = []
  paused = false
  progressed = false
  closings: number[] = []
  closesFor = 0
  terminated: number | undefined
  expired: number | undefined
  /** Runs at each ping. */
  onPing = (): void => {}

  ping(): void {
    this.pings.push(now())
    this.onPing()
  }

  terminate(): void {
    this.terminated = now()
  }

  expire(): void {
    this.expired = now()
  }

  closingStill(): boolean {
    this.closings.push(now())
    return now() < this.closesFor
  }
}

let start = 0
const now = (): number => Math.round(performance.now() - start) / 1000

describe('the heartbeat', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    start = performance.now()
  })
  afterEach(() => void vi.useRealTimers())

  const DEFAULTS = { pingInterval: 20, pingTimeout: 30, maxLifetime: 86_400 }

  it('pings every interval and lets live those that answer', () => {
    const heartbeat = new Heartbeat(DEFAULTS)
    const connection = new Fake()
    connection.onPing = () => heartbeat.alive(connection)
    heartbeat.add(connection)
    vi.advanceTimersByTime(100_000)
    expect(connection.pings).toEqual([20, 40, 60, 80, 100])
    expect(connection.terminated).toBeUndefined()
  })

  it('ends those that do not answer in time, however often they were asked since', () => {
    const heartbeat = new Heartbeat(DEFAULTS)
    const connection = new Fake()
    heartbeat.add(connection)
    vi.advanceTimersByTime(60_000)
    expect(connection.pings.slice(0, 2)).toEqual([20, 40])
    expect(connection.terminated).toBe(50)
  })

  it('waits for those that the server itself does not read', () => {
    const heartbeat = new Heartbeat(DEFAULTS)
    const connection = new Fake()
    connection.paused = true
    heartbeat.add(connection)
    vi.advanceTimersByTime(200_000)
    expect(connection.terminated).toBeUndefined()
    connection.paused = false
    vi.advanceTimersByTime(30_000)
    expect(connection.terminated).toBeDefined()
  })

  it('waits for those that still read what was sent before the ping', () => {
    const heartbeat = new Heartbeat(DEFAULTS)
    const connection = new Fake()
    connection.progressed = true
    heartbeat.add(connection)
    vi.advanceTimersByTime(200_000)
    expect(connection.terminated).toBeUndefined()
    connection.progressed = false
    vi.advanceTimersByTime(30_000)
    expect(connection.terminated).toBeDefined()
  })

  it('asks those that close every 5 seconds until they have, and pings them no more', () => {
    const heartbeat = new Heartbeat({ ...DEFAULTS, maxLifetime: 60 })
    const connection = new Fake()
    heartbeat.add(connection)
    vi.advanceTimersByTime(10_000)
    connection.closesFor = 20
    heartbeat.closes(connection)
    vi.advanceTimersByTime(200_000)
    expect(connection).toMatchObject({ closings: [15, 20], pings: [], expired: undefined })
    heartbeat.delete(connection)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends a life at its longest, once', () => {
    const heartbeat = new Heartbeat({ pingInterval: 0, pingTimeout: 0, maxLifetime: 60 })
    const connection = new Fake()
    heartbeat.add(connection)
    vi.advanceTimersByTime(59_000)
    expect(connection.expired).toBeUndefined()
    vi.advanceTimersByTime(1_000)
    expect(connection.expired).toBe(60)
    vi.advanceTimersByTime(100_000)
    expect(connection.expired).toBe(60)
    expect(connection.pings).toEqual([])
  })

  it('spreads out a burst of arrivals', () => {
    const heartbeat = new Heartbeat(DEFAULTS)
    const connections = Array.from({ length: 10_000 }, () => new Fake())
    for (const connection of connections) {
      connection.onPing = () => heartbeat.alive(connection)
      heartbeat.add(connection)
    }
    vi.advanceTimersByTime(40_000)
    const perTick = new Map<number, number>()
    for (const [first = 0] of connections.map(({ pings }) => pings))
      perTick.set(first, (perTick.get(first) ?? 0) + 1)
    expect(connections.every(({ pings }) => pings.length > 0)).toBe(true)
    expect(Math.max(...perTick.values())).toBeLessThan(1_200)
  })

  it('runs no timer while there is nobody', () => {
    const heartbeat = new Heartbeat(DEFAULTS)
    const connections = [new Fake(), new Fake()]
    for (const connection of connections) heartbeat.add(connection)
    expect(vi.getTimerCount()).toBe(1)
    for (const connection of connections) heartbeat.delete(connection)
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(100_000)
    expect(connections.flatMap(({ pings }) => pings)).toEqual([])
  })

  it('sends none, or awaits no answer, where an option is 0', () => {
    for (const options of [
      { ...DEFAULTS, pingInterval: 0 },
      { ...DEFAULTS, pingTimeout: 0 },
    ]) {
      const heartbeat = new Heartbeat(options)
      const connection = new Fake()
      heartbeat.add(connection)
      vi.advanceTimersByTime(200_000)
      expect(connection.pings.length > 0).toBe(options.pingInterval > 0)
      expect(connection.terminated).toBeUndefined()
      heartbeat.delete(connection)
    }
  })
})

describe('over a socket', () => {
  const ends: [number, string][] = []
  beforeEach(() => void ends.splice(0))

  class Ending extends WebSocketConsumer {
    override receive(message: WebSocketData): Promise<void> {
      return this.send(message)
    }
    override disconnect(...end: [number, string]): void {
      ends.push(end)
    }
  }
  const routes = [websocket('/ws', Ending)]

  it('a peer that answers no ping is removed, and its consumer is told', async () => {
    await using server = await serve({ routes }, { pingInterval: 0.05, pingTimeout: 0.1 })
    await using client = await server.raw()
    client.upgrade('/ws')
    await client.response()
    expect((await client.frame()).opcode).toBe(OPCODES.ping)
    await client.closed
    await vi.waitUntil(() => ends.length > 0)
    expect(ends).toEqual([[1006, 'The client does not answer']])
  })

  it.each<[string, Buffer | undefined, boolean]>([
    ['a pong', clientFrame(OPCODES.pong), true],
    ['a ping', clientFrame(OPCODES.ping), true],
    ['a message', clientFrame(OPCODES.text, 'x'), true],
    ['nothing', undefined, false],
  ])('one that answers with %s is alive: %j', async (_sign, bytes, alive) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    try {
      await using server = await serve({ routes })
      const accepted = server.nextSocket()
      await using client = await server.raw()
      const socket = await accepted
      client.upgrade('/ws')
      await client.response()
      vi.advanceTimersByTime(20_000)
      expect((await client.frame()).opcode).toBe(OPCODES.ping)
      if (bytes) client.write(bytes)
      await vi.waitUntil(() => socket.bytesRead === client.socket.bytesWritten)
      // The second ping, and the time in which the first was to be answered.
      vi.advanceTimersByTime(32_000)
      expect(!socket.destroyed).toBe(alive)
    } finally {
      vi.useRealTimers()
    }
  })

  it('one that reached its longest life is closed with 1001', async () => {
    await using server = await serve({ routes }, { maxLifetime: 0.05 })
    await using client = await server.connect('/ws')
    expect(await client.closed).toEqual({ code: 1001, reason: 'The connection reached its longest life' })
    expect(ends).toEqual([[1001, 'The connection reached its longest life']])
  })

  it('one that does not answer a close frame is cut', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    class Closing extends WebSocketConsumer {
      override async connect(): Promise<void> {
        await this.accept()
        this.close(4000, 'bye')
      }
    }
    try {
      await using server = await serve({ routes: [websocket('/closing', Closing)] })
      await using client = await server.raw()
      client.upgrade('/closing')
      await client.response()
      expect(await client.closeFrame()).toEqual({ code: 4000, reason: 'bye' })
      vi.advanceTimersByTime(5_000)
      await client.closed
    } finally {
      vi.useRealTimers()
    }
  })
})
