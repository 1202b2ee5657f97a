/** One WebSocket that is kept: when it is made, given up and made anew. Time and network are the test's. */
import { afterEach, beforeEach, describe, expect, it, vi, onTestFinished } from 'vitest'
import {
  ReconnectingSocket,
  type ReconnectingSocketOptions,
} from '../../src/client/socket/reconnecting-socket.ts'
import { bearerProtocol } from '../../src/protocol/bearer.ts'
import type { Finding } from '../../src/client/socket/diagnosis.ts'
import { StreamError } from '../../src/client/errors.ts'
import { FakeNetwork, fakeWindow, records } from './fakes.ts'

const SECOND = 1000

let network: FakeNetwork
let events: string[]
let needed: boolean
let reachable: () => Promise<boolean>
/** What else is found out of a WebSocket that failed. */
let said: Partial<Finding>

beforeEach(() => {
  vi.useFakeTimers()
  // The longest pauses, so that the test knows them.
  vi.spyOn(Math, 'random').mockReturnValue(1)
  network = new FakeNetwork()
  events = []
  needed = true
  reachable = () => Promise.resolve(false)
  said = {}
})

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

function connection(options: Partial<ReconnectingSocketOptions> = {}): ReconnectingSocket {
  const made: ReconnectingSocket = new ReconnectingSocket(
    {
      url: 'ws://x/',
      open: network.connect,
      needed: () => needed,
      diagnose: async () => ({ overHttp: await reachable(), ...said }),
      ...options,
    },
    {
      stateChanged: () => events.push(made.state),
      opened: () => events.push('opened'),
      received: (frame) => events.push(frame.type),
      lost: (code) => events.push(`lost ${code}`),
      blocked: () => events.push('blocked'),
      refused: (error) => events.push(`refused ${error.code}`),
    },
  )
  return made
}

/** A connection that is open and was answered. */
function connected(): ReconnectingSocket {
  const one = connection()
  one.connect()
  network.socket.open().frame({ type: 'pong' })
  events = []
  return one
}

describe('a connection', () => {
  it('a connection is made when it is needed, once', () => {
    const one = connection()
    expect([one.state, network.sockets.length]).toEqual(['idle', 0])
    one.connect()
    one.connect()
    expect(one.state).toBe('connecting')
    network.socket.open()
    one.connect()
    expect(network.sockets).toHaveLength(1)
    expect(network.socket).toMatchObject({ url: 'ws://x/', protocol: 'millrace.v1' })
    expect(events).toEqual(['connecting', 'opened', 'connected'])
  })

  it('a connection asks for a sign of life as soon as it is open, and gives a socket up that lets nothing through', async () => {
    connection().connect()
    const first = network.socket.open()
    expect(first.sent).toEqual([{ type: 'ping' }])
    await vi.advanceTimersByTimeAsync(10 * SECOND)
    expect([first.state, events.at(-1)]).toEqual(['closed', 'reconnecting'])
  })

  it('a connection asks for a sign of life after a silence, and goes on when it comes', async () => {
    connected()
    const { socket } = network
    socket.sent.length = 0
    await vi.advanceTimersByTimeAsync(24 * SECOND)
    socket.frame(records('s', 0, 1))
    await vi.advanceTimersByTimeAsync(24 * SECOND)
    expect(socket.sent).toEqual([])
    await vi.advanceTimersByTimeAsync(SECOND)
    expect(socket.sent).toEqual([{ type: 'ping' }])
    await vi.advanceTimersByTimeAsync(9 * SECOND)
    socket.frame({ type: 'pong' })
    await vi.advanceTimersByTimeAsync(25 * SECOND)
    expect(socket.sent).toHaveLength(2)
    expect(events).toEqual(['records'])
    await vi.advanceTimersByTimeAsync(10 * SECOND)
    expect(events).toEqual(['records', 'lost 1006', 'reconnecting'])
  })

  it('a connection is given up when it does not open within 10 seconds', async () => {
    connection().connect()
    await vi.advanceTimersByTimeAsync(10 * SECOND)
    expect(network.socket.state).toBe('closed')
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    expect(network.sockets).toHaveLength(2)
  })

  it('a connection is not heard any more once it was given up', async () => {
    connection().connect()
    const first = network.socket
    await vi.advanceTimersByTimeAsync(10 * SECOND)
    first.open()
    first.frame(records('s', 0, 1))
    first.cut()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    expect(events).toEqual(['connecting', 'lost 1006', 'reconnecting'])
    expect(network.sockets).toHaveLength(2)
  })

  it('a connection is made anew after pauses that grow to half a minute, and are short again once it held', async () => {
    connected()
    const pauses: number[] = []
    for (let loss = 0; loss < 9; loss++) {
      const lost = Date.now()
      network.socket.cut()
      const count = network.sockets.length
      while (network.sockets.length === count) await vi.advanceTimersByTimeAsync(100)
      pauses.push((Date.now() - lost) / SECOND)
    }
    expect(pauses).toEqual([0.5, 1, 2, 4, 8, 16, 30, 30, 30])
    network.socket.open().frame({ type: 'pong' })
    await vi.advanceTimersByTimeAsync(2 * SECOND)
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    expect(network.sockets).toHaveLength(11)
  })

  it('a connection that opens and is lost at once goes on with growing pauses', async () => {
    connected()
    for (let loss = 0; loss < 4; loss++) {
      network.socket.cut()
      await vi.advanceTimersByTimeAsync(0.5 * 2 ** loss * SECOND)
      network.socket.open().frame({ type: 'pong' })
    }
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(7 * SECOND)
    expect(network.sockets).toHaveLength(5)
    await vi.advanceTimersByTimeAsync(SECOND)
    expect(network.sockets).toHaveLength(6)
  })

  it('a connection spreads its attempts over the whole pause', async () => {
    vi.mocked(Math.random).mockReturnValue(0.25)
    connected()
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(125)
    expect(network.sockets).toHaveLength(2)
  })

  it('a connection comes back when a server that goes down says so, and does not count it as a failure', async () => {
    connected()
    network.socket.frame({ type: 'drain', after: 3.25 })
    network.socket.cut(1012)
    await vi.advanceTimersByTimeAsync(3249)
    expect(network.sockets).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(network.sockets).toHaveLength(2)
    expect(events).toEqual(['lost 1012', 'reconnecting'])
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    expect(network.sockets).toHaveLength(3)
  })

  it('a connection does not storm a server that always wants it back at once', async () => {
    connection().connect()
    for (let tries = 0; tries < 8; tries++) {
      network.socket.open().frame({ type: 'drain', after: 0 })
      network.socket.cut(1012)
      await vi.advanceTimersByTimeAsync(0.4 * SECOND)
      expect(network.sockets).toHaveLength(tries + 1)
      await vi.advanceTimersByTimeAsync(0.1 * SECOND)
    }
  })

  it('a connection is not made anew while nobody needs it', async () => {
    const one = connected()
    needed = false
    network.socket.cut()
    expect(one.state).toBe('idle')
    expect(vi.getTimerCount()).toBe(0)
    needed = true
    one.connect()
    expect(one.state).toBe('connecting')
    expect(network.sockets).toHaveLength(2)
  })

  it('a connection ends at its first silence when nobody needs it', async () => {
    const one = connected()
    needed = false
    await vi.advanceTimersByTimeAsync(25 * SECOND)
    expect([one.state, network.socket.state, vi.getTimerCount()]).toEqual(['idle', 'closed', 0])
  })

  it('a connection takes a factory that throws for a failure', async () => {
    let tries = 0
    const open = (): never => {
      tries++
      throw new DOMException('An insecure WebSocket from a page that came over https', 'SecurityError')
    }
    const one = connection({ open })
    one.connect()
    expect(one.state).toBe('reconnecting')
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    expect(tries).toBe(2)
    one.close()
    expect(vi.getTimerCount()).toBe(0)
  })

  it.each(['connecting', 'connected', 'reconnecting', 'asking whether the server is there'])(
    'can be closed while %s, and leaves nothing behind',
    async (phase) => {
      const answer = Promise.withResolvers<boolean>()
      reachable = () => answer.promise
      const one = connection()
      one.connect()
      const { socket } = network
      if (phase === 'connected') socket.open()
      else if (phase !== 'connecting') socket.cut()
      if (phase.startsWith('asking')) await vi.advanceTimersByTimeAsync(0.5 * SECOND)
      one.close()
      one.close()
      expect([one.state, vi.getTimerCount()]).toEqual(['closed', 0])
      const told = events.length
      answer.resolve(true)
      socket.open()
      socket.cut()
      one.connect()
      await vi.advanceTimersByTimeAsync(60 * SECOND)
      expect([network.sockets.length, events.length]).toEqual([1, told])
      expect(socket.state).toBe('closed')
    },
  )
})

describe('a connection on which a message takes long', () => {
  /** Gives up so many sockets that were answered and then silent. Returns for how many seconds each was. */
  async function silences(count: number): Promise<number[]> {
    const seconds: number[] = []
    for (let losses = 0; losses < count; losses++) {
      const { socket } = network
      const since = Date.now()
      while (socket.state !== 'closed') await vi.advanceTimersByTimeAsync(SECOND)
      seconds.push((Date.now() - since) / SECOND)
      await vi.advanceTimersByTimeAsync(0.5 * SECOND)
      network.socket.open().frame({ type: 'pong' })
    }
    return seconds
  }

  it('a message that takes long is awaited twice as long each time, and not without end', async () => {
    connected()
    expect(await silences(7)).toEqual([35, 45, 65, 105, 35, 45, 65])
  })

  it('a connection on which a message takes long goes on asking, so that the server hears of it', async () => {
    connected()
    await silences(2)
    network.socket.sent.length = 0
    await vi.advanceTimersByTimeAsync(24 * SECOND)
    expect(network.socket.sent).toEqual([])
    for (let asked = 1; asked <= 4; asked++) {
      await vi.advanceTimersByTimeAsync(10 * SECOND)
      expect(network.socket.sent).toHaveLength(asked)
    }
  })

  it('a connection is kept for a message that takes 52 seconds in the end', async () => {
    connected()
    await silences(2)
    network.socket.frame({ type: 'subscribed', stream: 's', offset: '' })
    await vi.advanceTimersByTimeAsync(52 * SECOND)
    network.socket.frame(records('s', 0, 1))
    expect([network.sockets.length, events.at(-1)]).toEqual([3, 'records'])
  })

  it.each([
    ['a record', records('s', 0, 1)],
    ['an answer', { type: 'pong' }],
  ] as const)('is awaited no longer than others once it brought %s later on', async (_what, frame) => {
    connected()
    await silences(3)
    await vi.advanceTimersByTimeAsync(26 * SECOND)
    network.socket.frame(frame)
    expect(await silences(2)).toEqual([35, 45])
  })

  it('a message that takes long is awaited longer also while what comes at once is short', async () => {
    connected()
    await silences(1)
    network.socket.frame(records('s', 0, 1))
    expect(await silences(1)).toEqual([45])
  })

  it('a message that takes long is awaited little longer where the browser woke up, and its network is as likely another', async () => {
    const page = fakeWindow()
    onTestFinished(() => page.remove())
    connected()
    await silences(3)
    const { socket } = network
    page.dispatch('online')
    await vi.advanceTimersByTimeAsync(9 * SECOND)
    expect(socket.state).toBe('open')
    await vi.advanceTimersByTimeAsync(SECOND)
    expect(socket.state).toBe('closed')
  })

  it('a message that takes long is not awaited longer where nothing at all passes', async () => {
    connected()
    await silences(2)
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(SECOND)
    const socket = network.socket.open()
    await vi.advanceTimersByTimeAsync(10 * SECOND)
    expect(socket.state).toBe('closed')
    await vi.advanceTimersByTimeAsync(2 * SECOND)
    network.socket.open().frame({ type: 'pong' })
    expect(await silences(1)).toEqual([65])
  })
})

describe('a connection that never opens', () => {
  it('a connection that never opens goes on trying while the server is down', async () => {
    connection().connect()
    for (let tries = 1; tries < 12; tries++) {
      network.socket.cut()
      while (network.sockets.length === tries) await vi.advanceTimersByTimeAsync(100)
    }
    expect(events).not.toContain('blocked')
  })

  it('a connection that never opens is blocked when the server answers over HTTP, before and after', async () => {
    reachable = () => Promise.resolve(true)
    connection().connect()
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    expect(events).not.toContain('blocked')
    network.socket.cut()
    expect(events.at(-1)).toBe('blocked')
    expect(vi.getTimerCount()).toBe(0)
  })

  it('a connection that never opens is not blocked when the server was down and is back just as it is asked', async () => {
    reachable = () => Promise.resolve(true)
    connection().connect()
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    network.socket.open().frame({ type: 'pong' })
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(SECOND)
    expect([network.sockets.length, events.includes('blocked')]).toEqual([3, false])
  })

  it('a connection that never opens is blocked, too, when sockets open and nothing passes', async () => {
    reachable = () => Promise.resolve(true)
    connection().connect()
    network.socket.open()
    await vi.advanceTimersByTimeAsync(10.5 * SECOND)
    network.socket.open()
    await vi.advanceTimersByTimeAsync(10 * SECOND)
    expect(events.at(-1)).toBe('blocked')
  })

  it('a connection that never opens is blocked also if one worked before, on another network', async () => {
    connected()
    reachable = () => Promise.resolve(true)
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(1 * SECOND)
    network.socket.cut()
    expect(events.at(-1)).toBe('blocked')
  })
})

describe('a connection that is refused', () => {
  const no = (code: string) => new StreamError(code, `This is ${code}`)

  /** Lets so many attempts fail. */
  async function fails(times: number): Promise<void> {
    for (let tries = 0; tries < times; tries++) {
      const count = network.sockets.length
      network.socket.cut()
      for (let ms = 0; ms < 60_000 && network.sockets.length === count; ms += 100)
        await vi.advanceTimersByTimeAsync(100)
    }
  }

  it.each(['unauthenticated', 'forbidden', 'route_not_found'])(
    'says %s once it was said twice',
    async (code) => {
      said = { refusal: no(code) }
      const one = connection()
      one.connect()
      await fails(1)
      expect([one.state, one.error?.message]).toEqual(['reconnecting', `This is ${code}`])
      await fails(1)
      expect([one.state, one.error?.code, events.slice(-2)]).toEqual([
        'idle',
        code,
        [`refused ${code}`, 'idle'],
      ])
      expect(vi.getTimerCount()).toBe(0)
      one.connect()
      expect([one.state, one.error]).toEqual(['connecting', undefined])
    },
  )

  it('a connection that is refused believes another server of the same host only after four times', async () => {
    said = { refusal: no('http_404') }
    connection().connect()
    await fails(4)
    expect(events).not.toContain('refused http_404')
    await fails(1)
    expect(events).toContain('refused http_404')
  })

  it('a connection that is refused believes no other server where it was connected before, and says what it hears', async () => {
    const one = connected()
    said = { refusal: no('http_404') }
    await fails(8)
    expect([one.state, one.error?.code]).toEqual(['reconnecting', 'http_404'])
  })

  it('a connection that is refused believes a sign-out of which it hears again whenever it was let in', async () => {
    const one = connected()
    await vi.advanceTimersByTimeAsync(3 * SECOND)
    for (let times = 0; times < 3; times++) {
      network.socket.cut(3000)
      expect(one.error?.code).toBe('unauthenticated')
      if (times === 2) break
      expect(one.state).toBe('reconnecting')
      await vi.advanceTimersByTimeAsync(2 * SECOND)
      network.socket.open().frame({ type: 'pong' })
    }
    expect([one.state, events.slice(-2)]).toEqual(['idle', ['refused unauthenticated', 'idle']])
    expect([network.sockets.length, vi.getTimerCount()]).toEqual([3, 0])
  })

  it('a connection that is refused is asked for again no sooner than the server wants', async () => {
    said = { error: new StreamError('too_many_connections', 'Full.', { retryAfter: 20 }) }
    const one = connection()
    one.connect()
    await fails(1)
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(19.9 * SECOND)
    expect([network.sockets.length, one.error?.message]).toEqual([2, 'Full.'])
    await vi.advanceTimersByTimeAsync(0.1 * SECOND)
    expect(network.sockets).toHaveLength(3)
  })

  it.each([
    ['a server that does not answer', () => {}, 'unreachable'],
    ['a server that goes', () => network.socket.open().frame({ type: 'pong' }), 'disconnected'],
  ])('a connection that is refused says why it is made anew: %s', (_what, begin, code) => {
    const one = connection()
    one.connect()
    begin()
    expect(one.error).toBeUndefined()
    network.socket.cut()
    expect([one.state, one.error?.code]).toEqual(['reconnecting', code])
  })

  it('a connection that is refused tells whenever the reason is another one', async () => {
    const one = connected()
    const reasons: (string | undefined)[] = []
    for (let times = 0; times < 3; times++) {
      network.socket.cut()
      reasons.push(one.error?.code)
      await vi.advanceTimersByTimeAsync(10 * SECOND)
    }
    expect(reasons).toEqual(['disconnected', 'unreachable', 'unreachable'])
    expect(events.filter((event) => event === 'reconnecting')).toHaveLength(2)
  })

  it('a connection that is refused says that a server fell silent', async () => {
    const one = connected()
    await vi.advanceTimersByTimeAsync(35 * SECOND)
    expect(one.error).toMatchObject({ code: 'silent' })
    network.socket.open()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    network.socket.open()
    expect(one.error).toBeUndefined()
  })
})

describe('a token', () => {
  it('a token goes with the WebSocket, and is asked for before each', async () => {
    const given = ['one', 'zwö']
    const asked: boolean[] = []
    connection({
      token: async (refused) => {
        asked.push(refused)
        return given.shift() ?? ''
      },
    }).connect()
    await vi.advanceTimersByTimeAsync(0)
    expect(network.socket.protocol).toEqual(['millrace.v1', 'millrace.bearer.b25l'])
    network.socket.open().frame({ type: 'pong' })
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    expect(network.socket.protocol).toEqual(['millrace.v1', bearerProtocol('zwö')])
    expect(asked).toEqual([false, false])
  })

  it('a token that was refused is asked for anew, before it is an error', async () => {
    said = { refusal: new StreamError('unauthenticated', 'No.') }
    const asked: boolean[] = []
    connection({
      token: (refused) => {
        asked.push(refused)
        return refused ? 'new' : 'old'
      },
    }).connect()
    await vi.advanceTimersByTimeAsync(0)
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    network.socket.open().frame({ type: 'pong' })
    expect([asked, events.at(-1)]).toEqual([[false, true], 'connected'])
  })

  it('a token that cannot be had is said, and asked for again', async () => {
    const one = connection({ token: () => Promise.reject(new Error('The office is closed')) })
    one.connect()
    await vi.advanceTimersByTimeAsync(0)
    expect(one).toMatchObject({ state: 'reconnecting', error: { code: 'token_failed' } })
    expect(one.error?.message).toContain('The office is closed')
    one.close()
    expect([network.sockets.length, vi.getTimerCount()]).toEqual([0, 0])
  })

  it('a token that never comes holds nothing up for longer than a connection', async () => {
    const one = connection({ token: () => new Promise<never>(() => {}) })
    one.connect()
    await vi.advanceTimersByTimeAsync(10 * SECOND)
    expect(one.state).toBe('reconnecting')
    one.close()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a browser without a network', () => {
  let page: ReturnType<typeof fakeWindow>

  beforeEach(() => {
    page = fakeWindow()
  })

  afterEach(() => page.remove())

  it('a browser without a network is shown at once, and the connection is given up when it does not answer', async () => {
    const one = connected()
    page.dispatch('offline')
    expect([one.state, one.error?.code, one.isOpen]).toEqual(['reconnecting', 'offline', true])
    await vi.advanceTimersByTimeAsync(5 * SECOND)
    expect([network.socket.state, one.isOpen]).toEqual(['closed', false])
  })

  it('the lack of a network is forgotten when a server on the same machine answers', () => {
    const one = connected()
    page.dispatch('offline')
    network.socket.frame({ type: 'pong' })
    expect([one.state, one.error, network.sockets.length]).toEqual(['connected', undefined, 1])
    expect(events).toEqual(['reconnecting', 'connected'])
  })

  it('a browser without a network connects at once when it is back', async () => {
    connected()
    page.dispatch('offline')
    await vi.advanceTimersByTimeAsync(5 * SECOND)
    page.dispatch('online')
    expect(network.sockets).toHaveLength(2)
  })

  it('a browser without a network is shown while the first connection is made', () => {
    const one = connection()
    one.connect()
    page.dispatch('offline')
    expect(one).toMatchObject({ state: 'reconnecting', error: { code: 'offline' } })
    network.socket.open().frame({ type: 'pong' })
    expect(one).toMatchObject({ state: 'connected', error: undefined })
  })
})

describe('a browser that wakes up', () => {
  let page: ReturnType<typeof fakeWindow>

  beforeEach(() => {
    page = fakeWindow()
  })

  afterEach(() => page.remove())

  it.each(['online', 'visibilitychange', 'pageshow'])(
    'a browser that wakes up connects at once on `%s`',
    async (event) => {
      connected()
      network.socket.cut()
      await vi.advanceTimersByTimeAsync(100)
      page.dispatch(event)
      expect(network.sockets).toHaveLength(2)
      page.dispatch(event)
      await vi.advanceTimersByTimeAsync(5 * SECOND)
      expect(network.sockets).toHaveLength(2)
    },
  )

  it('a browser that wakes up does nothing when it goes out of sight', () => {
    connected()
    network.socket.cut()
    page.hide()
    page.dispatch('visibilitychange')
    expect(network.sockets).toHaveLength(1)
  })

  it('a browser that wakes up finds out soon whether its connection is still alive', async () => {
    connected()
    network.socket.sent.length = 0
    page.dispatch('online')
    expect(network.socket.sent).toEqual([{ type: 'ping' }])
    await vi.advanceTimersByTimeAsync(5 * SECOND)
    expect(events.at(-1)).toBe('reconnecting')
  })

  it('a browser that wakes up leaves more time to one on which a message took long', async () => {
    connected()
    await vi.advanceTimersByTimeAsync(35.5 * SECOND)
    network.socket.open().frame({ type: 'pong' })
    page.dispatch('online')
    await vi.advanceTimersByTimeAsync(9 * SECOND)
    expect(events.at(-1)).toBe('connected')
    await vi.advanceTimersByTimeAsync(SECOND)
    expect(events.at(-1)).toBe('reconnecting')
  })

  it('a browser that wakes up keeps a connection that is alive', async () => {
    connected()
    page.dispatch('online')
    network.socket.frame({ type: 'pong' })
    await vi.advanceTimersByTimeAsync(20 * SECOND)
    expect(events).toEqual([])
  })

  it('a browser that wakes up dials once when it wakes up while the server is asked for', async () => {
    const answer = Promise.withResolvers<boolean>()
    reachable = () => answer.promise
    connection().connect()
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    page.dispatch('online')
    answer.resolve(true)
    await vi.advanceTimersByTimeAsync(0)
    expect(network.sockets).toHaveLength(2)
    network.socket.cut()
    expect(events).not.toContain('blocked')
  })

  it('a browser that wakes up does not take a server for there that was so before the last connection', async () => {
    reachable = () => Promise.resolve(true)
    connection().connect()
    network.socket.cut()
    await vi.advanceTimersByTimeAsync(0.5 * SECOND)
    network.socket.open().frame({ type: 'pong' })
    network.socket.cut()
    page.dispatch('online')
    network.socket.cut()
    expect([network.sockets.length, events.includes('blocked')]).toEqual([3, false])
  })

  it('a browser that wakes up is listened to for as long as the connection is not closed', () => {
    const one = connection()
    expect(page.listeners).toBe(4)
    one.close()
    expect(page.listeners).toBe(0)
  })
})
