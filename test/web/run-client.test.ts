import { describe, expect, it, vi } from 'vitest'
import { RunClient } from '../../web/src/run-client.ts'
import { FakeClock, FakeNetwork } from './fakes.ts'

function setUp() {
  const clock = new FakeClock()
  const network = new FakeNetwork()
  let ids = 0
  const newId = () => `run-${++ids}`
  const client = new RunClient({ open: network.open, clock, random: () => 1, online: true, newId })
  client.connect()
  return { clock, network, client }
}

function setUpConnected() {
  const world = setUp()
  world.network.socket.handlers.open()
  return world
}

describe('RunClient', () => {
  it('asks for the numbers, or for the answer to a prompt', () => {
    const { client, network } = setUpConnected()
    expect(client.start('')).toBe(true)
    network.socket.frame({ id: 'run-1', status: 'completed' })
    expect(client.start('Why is the sky blue?')).toBe(true)
    expect(network.socket.sent).toEqual([
      { message: 'start', id: 'run-1' },
      { message: 'start', id: 'run-2', prompt: 'Why is the sky blue?' },
    ])
  })

  it('sends no half surrogate pair', () => {
    const { client, network } = setUpConnected()
    client.start('a\ud83d')
    expect(network.socket.sent).toEqual([{ message: 'start', id: 'run-1', prompt: 'a\ufffd' }])
  })

  it('starts nothing before it is connected, nor beside an active run', () => {
    const { client, network } = setUp()
    expect(client.start('')).toBe(false)
    expect(client.getSnapshot().run.status).toBe('ready')
    network.socket.handlers.open()
    client.start('')
    expect(client.start('')).toBe(false)
    expect(network.socket.sent).toHaveLength(1)
  })

  it('shows what streams in', () => {
    const { client, clock, network } = setUpConnected()
    client.start('Hi')
    network.socket.frame({ id: 'run-1', status: 'running' })
    expect(client.getSnapshot().run.status).toBe('streaming')
    network.socket.frame({ id: 'run-1', delta: 'Hel' })
    network.socket.frame({ id: 'run-1', delta: 'lo' })
    clock.advance(16)
    expect(client.getSnapshot().output).toBe('Hello')
  })

  it('tells of many pieces at once, and of a new status straight away', () => {
    const { client, clock, network } = setUpConnected()
    client.start('Hi')
    network.socket.frame({ id: 'run-1', status: 'running' })
    const listener = vi.fn<() => void>()
    client.subscribe(listener)
    for (let i = 0; i < 100; i++) network.socket.frame({ id: 'run-1', delta: 'x' })
    expect(listener).not.toHaveBeenCalled()
    clock.advance(16)
    expect(listener).toHaveBeenCalledTimes(1)
    network.socket.frame({ id: 'run-1', delta: '!' })
    network.socket.frame({ id: 'run-1', status: 'completed' })
    expect(listener).toHaveBeenCalledTimes(2)
    expect(client.getSnapshot()).toMatchObject({
      output: 'x'.repeat(100) + '!',
      run: { status: 'completed' },
    })
    clock.advance(1000)
    expect(listener).toHaveBeenCalledTimes(2)
  })

  it('keeps its snapshot the same object between changes', () => {
    const { client, clock, network } = setUpConnected()
    client.start('')
    const snapshot = client.getSnapshot()
    network.socket.handlers.message('not a frame')
    network.socket.frame({ id: 'another', message: 'x' })
    clock.advance(16)
    expect(client.getSnapshot()).toBe(snapshot)
  })

  it('stops once, and waits for the server to say so', () => {
    const { client, network } = setUpConnected()
    client.stop()
    client.start('')
    client.stop()
    client.stop()
    expect(network.socket.sent).toEqual([{ message: 'start', id: 'run-1' }, { message: 'stop' }])
    expect(client.getSnapshot().run.status).toBe('stopping')
    network.socket.frame({ id: 'run-1', status: 'stopped' })
    expect(client.getSnapshot().run.status).toBe('stopped')
  })

  it('stops by hanging up when the server does not heed it', () => {
    const { client, clock, network } = setUpConnected()
    client.start('')
    client.stop()
    network.socket.frame({ id: 'run-1', message: 'Number 0' })
    clock.advance(5000)
    expect(network.socket.closed).toBe(true)
    expect(client.getSnapshot()).toMatchObject({ output: 'Number 0\n', run: { status: 'stopped' } })
  })

  it('fails a run that the server never answers, and connects anew', () => {
    const { client, clock, network } = setUpConnected()
    client.start('')
    clock.advance(10_000)
    expect(client.getSnapshot()).toMatchObject({
      connection: { status: 'reconnecting' },
      run: { status: 'failed', reason: 'The server did not answer.' },
    })
    clock.advance(500)
    expect(network.sockets).toHaveLength(2)
  })

  it('waits as long as it takes once the server has answered', () => {
    const { client, clock, network } = setUpConnected()
    client.start('Think hard')
    network.socket.frame({ id: 'run-1', status: 'running' })
    clock.advance(3_600_000)
    expect(client.getSnapshot().run.status).toBe('streaming')
  })

  it.each([
    [1006, 'Connection lost: the answer was cut short.'],
    [1008, 'The server refused the request and closed the connection.'],
    [1009, 'The prompt is longer than the server accepts.'],
    [1011, 'Something went wrong in the server: the answer was cut short.'],
    [1012, 'The server restarted: the answer was cut short.'],
  ])('says what a close with %i did to a run', (code, reason) => {
    const { client, network } = setUpConnected()
    client.start('')
    network.socket.frame({ id: 'run-1', message: 'Number 0' })
    network.socket.handlers.close(code)
    expect(client.getSnapshot()).toMatchObject({
      output: 'Number 0\n',
      connection: { status: 'reconnecting' },
      run: { status: 'failed', reason },
    })
  })

  it('has nothing to say of a run when an idle connection is lost', () => {
    const { client, network } = setUpConnected()
    network.socket.handlers.close(1006)
    expect(client.getSnapshot()).toMatchObject({
      connection: { status: 'reconnecting' },
      run: { status: 'ready' },
    })
  })

  it('runs again on the connection that follows', () => {
    const { client, clock, network } = setUpConnected()
    client.start('')
    network.socket.handlers.close(1006)
    clock.advance(500)
    network.socket.handlers.open()
    expect(client.start('')).toBe(true)
    network.socket.frame({ id: 'run-1', message: 'of the run that was lost' })
    network.socket.frame({ id: 'run-2', message: 'Number 0' })
    clock.advance(16)
    expect(client.getSnapshot().output).toBe('Number 0\n')
  })

  it('leaves no timer when it is closed in the middle of a run', () => {
    const { client, clock, network } = setUpConnected()
    client.start('')
    network.socket.frame({ id: 'run-1', message: 'Number 0' })
    client.close()
    expect(clock.pending).toBe(0)
    expect(network.socket.closed).toBe(true)
  })
})
