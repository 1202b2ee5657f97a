import { describe, expect, it, vi } from 'vitest'
import { StreamError } from '../../src/client/index.ts'
import type { Visit } from '../../web/src/address.ts'
import { RunClient } from '../../web/src/run-client.ts'
import { FakeAddress, FakeClock, FakeStreams, settled } from './fakes.ts'

function setUp(visit?: Visit) {
  const clock = new FakeClock()
  const streams = new FakeStreams()
  const address = new FakeAddress(visit)
  let ids = 0
  const client = new RunClient({ streams, address, clock, newId: () => `run-${++ids}` })
  return { clock, streams, address, client }
}

/** With a run that the server has started. */
async function setUpStarted(prompt = '') {
  const world = setUp()
  world.client.start(prompt)
  await world.streams.starts[0]?.grant()
  world.streams.last.bring()
  return world
}

describe('starting', () => {
  it('a start asks for the numbers, or for the answer to a prompt', async () => {
    const { client, streams } = await setUpStarted()
    streams.last.end('completed')
    expect(client.start('Why is the sky blue?')).toBe(true)
    expect(streams.starts).toMatchObject([
      { id: 'run-1', kind: 'numbers' },
      { id: 'run-2', kind: 'answer', input: { prompt: 'Why is the sky blue?' } },
    ])
  })

  it('a start sends no half surrogate pair', () => {
    const { client, streams } = setUp()
    client.start('a\ud83d')
    expect(streams.starts).toMatchObject([{ input: { prompt: 'a\ufffd' } }])
  })

  it('a start names the run in the address before the server answers', () => {
    const { client, address } = setUp()
    client.start('Why?')
    expect(address.entries).toEqual([{ prompt: '' }, { run: 'run-1', prompt: 'Why?' }])
    expect(client.getSnapshot().run).toMatchObject({ id: 'run-1', status: 'sending' })
  })

  it('a start does nothing while a run is active', () => {
    const { client, streams } = setUp()
    client.start('')
    expect(client.start('')).toBe(false)
    expect(streams.starts).toHaveLength(1)
  })

  it('a start says why the server refused, at an address without a run', async () => {
    const { client, streams, address } = setUp()
    client.start('Why?')
    await streams.starts[0]?.refuse('too_many_runs', 'Too many.')
    expect(client.getSnapshot().run).toMatchObject({ status: 'failed', reason: 'Too many.', prompt: 'Why?' })
    expect(address.entries).toEqual([{ prompt: '' }, { prompt: '' }])
  })

  it('a start leaves the text of the run before', async () => {
    const { client, streams } = await setUpStarted()
    streams.last.bring('Number 0\n')
    streams.last.end('completed')
    client.start('')
    expect(client.getSnapshot().output).toBe('')
  })
})

describe('reading', () => {
  it('the page shows what streams in', async () => {
    const { client, clock, streams } = await setUpStarted('Hi')
    expect(client.getSnapshot().run.status).toBe('streaming')
    streams.last.bring('Hel')
    streams.last.bring('lo')
    clock.advance(16)
    expect(client.getSnapshot().output).toBe('Hello')
  })

  it('the page is told of many pieces at once, and of a new status straight away', async () => {
    const { client, clock, streams } = await setUpStarted('Hi')
    const listener = vi.fn<() => void>()
    client.subscribe(listener)
    for (let i = 0; i < 100; i++) streams.last.bring('x')
    expect(listener).not.toHaveBeenCalled()
    clock.advance(16)
    expect(listener).toHaveBeenCalledTimes(1)
    streams.last.bring('!')
    streams.last.end('completed')
    expect(listener).toHaveBeenCalledTimes(2)
    expect(client.getSnapshot()).toMatchObject({
      output: 'x'.repeat(100) + '!',
      run: { status: 'completed' },
    })
    clock.advance(1000)
    expect(listener).toHaveBeenCalledTimes(2)
  })

  it('the snapshot stays the same object between changes', () => {
    const { client } = setUp()
    expect(client.getSnapshot()).toBe(client.getSnapshot())
  })

  it('a run that is read ends as failed with the reason, and keeps the text', async () => {
    const { client, streams } = await setUpStarted('Hi')
    streams.last.bring('Hel')
    streams.last.end('failed', new StreamError('failed', 'Too busy.', { reason: 'unavailable' }))
    expect(client.getSnapshot()).toMatchObject({
      output: 'Hel',
      run: { status: 'failed', reason: 'Too busy.' },
    })
  })

  it('the page counts a stream that is closed and no run as complete', () => {
    const { client, streams } = setUp({ run: 'a', prompt: '' })
    streams.last.end('closed')
    expect(client.getSnapshot().run.status).toBe('completed')
  })

  it.each(['stream_not_found', 'gone'])(
    'keeps the text when the server has lost the run (%s)',
    async (code) => {
      const { client, streams, address } = await setUpStarted()
      streams.last.bring('Number 0\n')
      streams.last.end(code === 'gone' ? 'gone' : 'error', new StreamError(code, 'Not there.'))
      expect(client.getSnapshot()).toMatchObject({ output: 'Number 0\n', run: { status: 'failed' } })
      expect(client.getSnapshot().run.reason).toContain('no longer has this answer')
      expect(address.read().run).toBe('run-1')
    },
  )
})

describe('the address', () => {
  it('the address is read when the page opens, from the start of the run', () => {
    const { client, clock, streams } = setUp({ run: 'a', prompt: 'Why?' })
    expect(streams.followed.map(({ id }) => id)).toEqual(['a'])
    expect(client.getSnapshot().run).toMatchObject({ status: 'loading', prompt: 'Why?' })
    streams.last.bring('Because')
    clock.advance(16)
    expect(client.getSnapshot()).toMatchObject({ output: 'Because', run: { status: 'streaming' } })
  })

  it('the address leads nowhere when there is no such run: it says so, and the page is clean', () => {
    const { client, streams, address } = setUp({ run: 'a', prompt: '' })
    streams.last.end('error', new StreamError('stream_not_found', 'Not there.'))
    const { output, run } = client.getSnapshot()
    expect(output).toBe('')
    expect(run).toMatchObject({ status: 'missing' })
    expect(run.reason).toMatch(/^There is no answer at this address/)
    expect(address.read()).toEqual({ prompt: '' })
    expect(client.start('')).toBe(true)
  })

  it.each(['a b', 'é', 'x'.repeat(513)])(
    'the address that holds no id (%.5s) asks the server nothing',
    (run) => {
      const { client, streams } = setUp({ run, prompt: '' })
      expect(streams.followed).toEqual([])
      expect(client.getSnapshot().run.status).toBe('missing')
    },
  )

  it('Back leads to the run before, while the other goes on', async () => {
    const { client, streams, address } = await setUpStarted('One')
    const first = streams.last
    first.bring('1')
    first.end('completed')
    client.start('Two')
    await streams.starts[1]?.grant()
    const second = streams.last
    second.bring('2')
    address.go(-1)
    expect(second.closed).toBe(true)
    expect(streams.stops).toEqual([])
    expect(client.getSnapshot()).toMatchObject({ output: '', run: { id: 'run-1', prompt: 'One' } })
    streams.last.bring('1')
    streams.last.end('completed')
    expect(client.getSnapshot()).toMatchObject({ output: '1', run: { status: 'completed' } })
    address.go(1)
    expect(client.getSnapshot().run).toMatchObject({ id: 'run-2', prompt: 'Two', status: 'loading' })
    address.go(-2)
    expect(client.getSnapshot()).toMatchObject({ output: '', run: { status: 'ready' } })
  })

  it('an address that was left before the server started its run does not show it', async () => {
    const { client, streams, address } = setUp()
    client.start('')
    address.go(-1)
    await streams.starts[0]?.grant()
    expect(streams.last.closed).toBe(true)
    expect(client.getSnapshot().run.status).toBe('ready')
  })

  it('the address is empty after clear, and Back returns to the run', async () => {
    const { client, streams, address } = await setUpStarted()
    client.clear()
    expect(client.getSnapshot().run.status).toBe('streaming')
    streams.last.end('completed')
    client.clear()
    expect(client.getSnapshot().run.status).toBe('ready')
    expect(address.read()).toEqual({ prompt: '' })
    address.go(-1)
    expect(client.getSnapshot().run).toMatchObject({ id: 'run-1', status: 'loading' })
  })
})

describe('stopping', () => {
  it('a stop asks once, and waits for the log to say so', async () => {
    const { client, streams } = await setUpStarted()
    client.stop()
    client.stop()
    await settled()
    expect(streams.stops).toMatchObject([{ id: 'run-1' }])
    await streams.stops[0]?.grant()
    expect(client.getSnapshot().run.status).toBe('stopping')
    streams.last.end('stopped')
    expect(client.getSnapshot().run.status).toBe('stopped')
  })

  it('a stop works for a run of another tab', async () => {
    const { client, streams } = setUp({ run: 'a', prompt: '' })
    streams.last.bring()
    client.stop()
    await settled()
    expect(streams.stops).toMatchObject([{ id: 'a' }])
  })

  it('a stop waits for the start of the run, even when the page is left meanwhile', async () => {
    const { client, streams, address } = setUp()
    client.start('')
    client.stop()
    address.go(-1)
    expect(streams.stops).toEqual([])
    await streams.starts[0]?.grant()
    expect(streams.stops).toMatchObject([{ id: 'run-1' }])
  })

  it('a stop asks for nothing when there is no run, or none was started', async () => {
    const { client, streams } = setUp()
    client.stop()
    client.start('')
    client.stop()
    await streams.starts[0]?.refuse('too_many_runs', 'Too many.')
    expect(streams.stops).toEqual([])
    expect(client.getSnapshot().run.status).toBe('failed')
  })

  it('a stop that is refused lets the run go on, and says why', async () => {
    const { client, streams } = await setUpStarted()
    client.stop()
    await settled()
    await streams.stops[0]?.refuse('internal_error', 'Not now.')
    expect(client.getSnapshot().run).toMatchObject({ status: 'streaming', reason: 'Not now.' })
    client.stop()
    await settled()
    expect(streams.stops).toHaveLength(2)
  })
})

describe('the connection', () => {
  it('a connection that is lost ends nothing', async () => {
    const { client, clock, streams } = await setUpStarted()
    streams.become('connected')
    streams.last.bring('Number 0\n')
    streams.become('reconnecting')
    expect(client.getSnapshot()).toMatchObject({
      connection: 'reconnecting',
      output: 'Number 0\n',
      run: { status: 'streaming' },
    })
    streams.become('connected')
    streams.last.bring('Number 1\n')
    clock.advance(16)
    expect(client.getSnapshot()).toMatchObject({ connection: 'connected', output: 'Number 0\nNumber 1\n' })
  })

  it('a connection that is lost has a reason in plain words', () => {
    const { client, streams } = setUp()
    const reason = (code: string, message: string): string => {
      streams.become('reconnecting', new StreamError(code, message))
      return client.getSnapshot().trouble
    }
    expect(client.getSnapshot().trouble).toBe('')
    expect(reason('disconnected', 'The connection was lost (1006).')).toBe('The connection was lost.')
    expect(reason('unreachable', '127.0.0.1:8000 does not answer.')).toBe('127.0.0.1:8000 does not answer.')
    streams.become('connected')
    expect(client.getSnapshot().trouble).toBe('')
  })

  it('the connection counts as lost until nobody needs it', () => {
    const { client, streams } = setUp()
    const seen = (
      ['connecting', 'connected', 'reconnecting', 'connected', 'idle', 'connecting'] as const
    ).map((state) => {
      streams.become(state)
      return client.getSnapshot().wasLost
    })
    expect(seen).toEqual([false, false, true, true, false, false])
  })
})

it('lets go of everything when it is closed', async () => {
  const { client, clock, streams, address } = await setUpStarted()
  streams.last.bring('Number 0\n')
  client.close()
  expect(clock.pending).toBe(0)
  expect(streams.last.closed).toBe(true)
  expect([streams.listeners.size, streams.last.listeners.size, address.listeners.size]).toEqual([0, 0, 0])
})
