/** What handlers do when nobody calls them any more, seen from outside: the process must live. */
import { describe, expect, it } from 'vitest'
import { ClumsyProcess, HEAD } from '../support/clumsy-process.ts'

const SERVER = `${HEAD}
  class Clumsy extends WebSocketConsumer {
    constructor(context) {
      super(context)
      if (context.scope.query.has('early')) soon('from the constructor')
    }
    receive(message) {
      if (message === 'timer') soon('from a timer')
      if (message === 'promise') void Promise.reject(new Error('from a promise'))
      if (message === 'task') this.background(async () => void soon('from a task'))
      if (message === 'after') this.signal.addEventListener('abort', () => { throw new Error('from the signal') })
      if (message === 'abort') void new Promise((_, reject) => this.signal.addEventListener('abort', () => reject(this.signal.reason)))
      return this.send(message)
    }
    // Called while another connection sends.
    clumsy_event() { soon('from an event') }
  }
  class Sender extends WebSocketConsumer {
    receive() { return this.groupSend('clumsy', { type: 'clumsy.event' }) }
  }
  class Member extends Clumsy { groups = ['clumsy'] }
  // Sends the time until it hears that nobody wants it any more, and then cleans up badly.
  const clock = (_request, { signal }) => {
    let timer
    const body = new ReadableStream({
      start(controller) {
        timer = setInterval(() => controller.enqueue(new TextEncoder().encode('tick')), 1)
        signal.addEventListener('abort', () => {
          clearInterval(timer)
          controller.close()
          console.log(JSON.stringify({ message: 'told', reason: signal.reason.name }))
        })
      },
    })
    return new Response(body)
  }
  const app = millrace({
    logger,
    routes: [
      http('/clock', clock),
      websocket('/ws/clumsy', Clumsy),
      websocket('/ws/member', Member),
      websocket('/ws/sender', Sender),
      http('/timer', () => {
        soon('from a timer')
        return new Response('answered')
      }),
      http('/promise', () => {
        void Promise.resolve().then(() => { throw new Error('from a promise') })
        return new Response('answered')
      }),
      http('/signal', (_request, { signal }) => {
        signal.addEventListener('abort', () => { throw new Error('from the signal') })
        return new Response('answered')
      }),
      http('/source', () => {
        let pulled = 0
        const pull = (controller) => {
          if (pulled++ === 0) return controller.enqueue(new TextEncoder().encode('answered'))
          soon('from the source of its body')
          controller.close()
        }
        return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }))
      }),
      http('/deaf', () => new Response(new ReadableStream({
        start: (controller) => void setInterval(() => controller.enqueue(new Uint8Array(1)), 1),
      }))),
    ],
    fetch: () => new Response('served'),
  })
  app.listen({ port: 0 }).then(({ url }) => console.log(JSON.stringify({ message: url })))
`

const WORKER = `${HEAD}
  class Clumsy extends ChannelConsumer {
    timer() { soon('from a timer') }
    async promise() { void Promise.reject(new Error('from a promise')) }
    ping() { say({}, 'pong') }
  }
  const channels = memoryChannels()
  millrace({ logger, channels, routes: [channel('clumsy', Clumsy)] }).work()
  process.stdin.on('data', (data) => void channels.send('clumsy', { type: String(data) }))
  say({}, 'working')
`

describe('a handler', () => {
  it('that streams is told when a HEAD is answered, and the server goes on', async () => {
    await using child = await ClumsyProcess.start(SERVER)
    expect((await fetch(`${child.url}/clock`, { method: 'HEAD' })).status).toBe(200)
    // A tick may have come between the answer and the signal.
    let line = await child.next()
    while (line.message !== 'told') line = await child.next()
    expect(line).toEqual({ message: 'told', reason: 'AbortError' })
    expect(await child.text('/')).toBe('served')
  })

  it.each([
    ['/timer', 'from a timer'],
    ['/promise', 'from a promise'],
    ['/signal', 'from the signal'],
    ['/source', 'from the source of its body'],
  ])('at %s that throws when it has answered is logged, and the server goes on', async (path, err) => {
    await using child = await ClumsyProcess.start(SERVER)
    expect(await child.text(path)).toBe('answered')
    const message = `the HTTP handler of ${path} threw where nobody could catch it: the server goes on`
    expect(await child.next()).toEqual({ message, err, path })
    expect(await child.text('/')).toBe('served')
  })

  it('that hears nothing and throws for ever is logged as a count, and the server goes on', async () => {
    await using child = await ClumsyProcess.start(SERVER)
    await fetch(`${child.url}/deaf`, { method: 'HEAD' })
    expect(await child.next()).toMatchObject({ path: '/deaf' })
    for (let i = 0; i < 20; i++) expect(await child.text('/')).toBe('served')
  })
})

const FAILED = { code: 1011, reason: 'The server failed' }

describe('a consumer', () => {
  const closes = 'the consumer Clumsy threw where nobody could catch it: its connection closes'

  it.each(['timer', 'promise', 'task'])('that throws from a %s loses its connection alone', async (what) => {
    await using child = await ClumsyProcess.start(SERVER)
    await using other = await child.connect('/ws/clumsy')
    const client = await child.connect('/ws/clumsy')
    client.send(what)
    expect(await client.receive()).toBe(what)
    expect(await client.closed).toEqual(FAILED)
    expect(await child.next()).toEqual({ message: closes, err: `from a ${what}`, path: '/ws/clumsy' })
    other.send('still here')
    expect(await other.receive()).toBe('still here')
  })

  it('that throws from what its constructor began loses its connection', async () => {
    await using child = await ClumsyProcess.start(SERVER)
    const client = await child.connect('/ws/clumsy?early')
    expect(await client.closed).toEqual(FAILED)
    expect(await child.next()).toMatchObject({ message: closes, err: 'from the constructor' })
  })

  it('that throws for a message to its group is told from the one that sent it', async () => {
    await using child = await ClumsyProcess.start(SERVER)
    const member = await child.connect('/ws/member')
    await using sender = await child.connect('/ws/sender')
    sender.send('go')
    expect(await member.closed).toEqual(FAILED)
    expect(await child.next()).toMatchObject({ err: 'from an event', path: '/ws/member' })
    await sender.close()
    expect(await child.text('/')).toBe('served')
  })

  it('that throws when its client has left is logged, and its aborts are no errors', async () => {
    await using child = await ClumsyProcess.start(SERVER)
    const client = await child.connect('/ws/clumsy')
    for (const what of ['abort', 'after']) {
      client.send(what)
      await client.receive()
    }
    await client.close()
    expect(await child.next()).toEqual({
      message: 'the consumer Clumsy threw where nobody could catch it: its connection is over already',
      err: 'from the signal',
      path: '/ws/clumsy',
    })
    expect(await child.text('/')).toBe('served')
  })
})

describe('the consumer of a channel', () => {
  it.each(['timer', 'promise'])('that throws from a %s is logged, and the worker goes on', async (what) => {
    await using child = await ClumsyProcess.start(WORKER)
    child.write(what)
    expect(await child.next()).toEqual({
      message: 'the consumer of the channel clumsy threw where nobody could catch it: the worker goes on',
      err: `from a ${what}`,
    })
    child.write('ping')
    expect(await child.next()).toEqual({ message: 'pong' })
  })
})

it('what is thrown outside of handlers ends the process as it always did', async () => {
  await using child = await ClumsyProcess.start(SERVER)
  child.signal('SIGUSR2')
  expect(await child.exited).toEqual([1, null])
  expect(await child.errors).toContain('Error: of nobody')
})
