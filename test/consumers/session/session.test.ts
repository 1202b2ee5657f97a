import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  ConnectionClosedError,
  WebSocketConsumer,
  type WebSocketData,
  millrace,
  websocket,
} from '../../../src/index.ts'
import { WebSocketCommunicator } from '../../../src/testing/index.ts'
import { collectingLogger } from '../../support/logger.ts'

/** Resolves when the signal has aborted, with its reason. */
async function aborted(signal: AbortSignal): Promise<unknown> {
  if (!signal.aborted) await once(signal, 'abort')
  return signal.reason
}

describe('handlers', () => {
  it('run one at a time, in the order things happened', async () => {
    const log: string[] = []
    class Slow extends WebSocketConsumer {
      override async connect(): Promise<void> {
        await this.#record('connect')
        await this.accept()
      }
      override async receive(message: WebSocketData): Promise<void> {
        await this.#record(String(message))
      }
      override async disconnect(): Promise<void> {
        await this.#record('disconnect')
      }
      async #record(what: string): Promise<void> {
        log.push(`${what} begins`)
        await nextTurn()
        log.push(`${what} ends`)
      }
    }
    const client = new WebSocketCommunicator(Slow)
    await client.connect()
    client.send('a')
    client.send('b')
    await client.disconnect()
    const order = ['connect', 'a', 'b', 'disconnect']
    expect(log).toEqual(order.flatMap((what) => [`${what} begins`, `${what} ends`]))
  })

  it('see what came before the client left', async () => {
    const received: WebSocketData[] = []
    class Collector extends WebSocketConsumer {
      override async receive(message: WebSocketData): Promise<void> {
        await nextTurn()
        received.push(message)
      }
    }
    const client = new WebSocketCommunicator(Collector)
    await client.connect()
    for (const message of ['1', '2', '3']) client.send(message)
    await client.disconnect()
    expect(received).toEqual(['1', '2', '3'])
  })

  it('see nothing that came behind their own close', async () => {
    const received: WebSocketData[] = []
    class Picky extends WebSocketConsumer {
      override receive(message: WebSocketData): void {
        received.push(message)
        this.close(4000, 'enough')
      }
    }
    await using client = new WebSocketCommunicator(Picky)
    await client.connect()
    client.send('1')
    client.send('2')
    expect(await client.receiveClose()).toEqual({ code: 4000, reason: 'enough' })
    await client.disconnect()
    expect(received).toEqual(['1'])
  })

  it('are told once how the connection ended', async () => {
    const ends: unknown[] = []
    class Ending extends WebSocketConsumer {
      override disconnect(code: number, reason: string): void {
        ends.push([code, reason])
      }
      override receive(): void {
        this.close(4001, 'bye')
      }
    }
    const leaving = new WebSocketCommunicator(Ending)
    await leaving.connect()
    await leaving.disconnect(1001)
    const closed = new WebSocketCommunicator(Ending)
    await closed.connect()
    closed.send('close')
    await closed.receiveClose()
    await closed.disconnect()
    expect(ends).toEqual([
      [1001, ''],
      [4001, 'bye'],
    ])
  })
})

describe('the signal', () => {
  it('aborts in the middle of a handler when the client leaves', async () => {
    const reason = Promise.withResolvers<unknown>()
    const began = Promise.withResolvers<void>()
    class Streamer extends WebSocketConsumer {
      override async receive(): Promise<void> {
        began.resolve()
        reason.resolve(await aborted(this.signal))
      }
    }
    const client = new WebSocketCommunicator(Streamer)
    await client.connect()
    client.send('start')
    await began.promise
    await client.disconnect(1001)
    expect(await reason.promise).toBeInstanceOf(ConnectionClosedError)
    expect(await reason.promise).toMatchObject({ code: 1001 })
  })

  it('has aborted for whoever asks after the end', async () => {
    let asked: AbortSignal | undefined
    class Late extends WebSocketConsumer {
      override disconnect(): void {
        asked = this.signal
      }
    }
    const client = new WebSocketCommunicator(Late)
    await client.connect()
    await client.disconnect()
    expect(asked?.aborted).toBe(true)
    expect(asked?.reason).toBeInstanceOf(ConnectionClosedError)
  })

  it('makes no failure of what follows from it', async () => {
    const logger = collectingLogger()
    class APIUserAbortError extends Error {}
    const consequences: ((signal: AbortSignal) => unknown)[] = [
      (signal) => signal.throwIfAborted(),
      (signal) => Promise.reject(signal.reason as Error),
      () => Promise.reject(new DOMException('aborted', 'AbortError')),
      (signal) => Promise.reject(new Error('stopped', { cause: signal.reason })),
      () => Promise.reject(new APIUserAbortError('Request was aborted.')),
    ]
    class Streamer extends WebSocketConsumer {
      override async receive(message: WebSocketData): Promise<void> {
        await aborted(this.signal)
        await consequences[Number(message)]?.(this.signal)
      }
    }
    const app = millrace({ logger, routes: [websocket('/ws', Streamer)] })
    for (const index of consequences.keys()) {
      const client = new WebSocketCommunicator(app, '/ws')
      await client.connect()
      client.send(String(index))
      await client.disconnect()
    }
    expect(logger.entries).toEqual([])
    await app.close()
  })
})

describe('send', () => {
  it('after the end rejects, and crashes nothing where nobody awaits it', async () => {
    const unhandled = vi.fn<(reason: unknown) => void>()
    process.on('unhandledRejection', unhandled)
    onTestFinished(() => void process.off('unhandledRejection', unhandled))
    const errors: unknown[] = []
    class Careless extends WebSocketConsumer {
      override async disconnect(): Promise<void> {
        // oxlint-disable typescript/no-floating-promises -- what is tested
        this.send('into the void')
        this.accept()
        this.groupAdd('nobody')
        // oxlint-enable typescript/no-floating-promises
        await this.send('awaited').catch((error: unknown) => errors.push(error))
      }
    }
    const client = new WebSocketCommunicator(Careless)
    await client.connect()
    await client.disconnect()
    await nextTurn()
    await nextTurn()
    expect(unhandled).not.toHaveBeenCalled()
    expect(errors).toEqual([expect.any(ConnectionClosedError)])
  })
})

describe('a handler that throws', () => {
  class Fragile extends WebSocketConsumer {
    override receive(message: WebSocketData): Promise<void> | void {
      if (message === 'throw') throw new Error('broken')
      return this.send(`got ${String(message)}`)
    }
  }

  it('ends its own connection with 1011 and no other', async () => {
    const app = millrace({ logger: collectingLogger(), routes: [websocket('/ws', Fragile)] })
    const other = new WebSocketCommunicator(app, '/ws')
    const client = new WebSocketCommunicator(app, '/ws')
    await Promise.all([other.connect(), client.connect()])
    client.send('throw')
    client.send('after')
    expect(await client.receiveClose()).toEqual({ code: 1011, reason: 'The server failed' })
    other.send('hello')
    expect(await other.receive()).toBe('got hello')
    await Promise.all([other.disconnect(), client.disconnect()])
    await app.close()
  })

  it('is logged once, with the scope and without headers, cookies or query', async () => {
    const logger = collectingLogger()
    const app = millrace({ logger, routes: [websocket('/ws/:room', Fragile)] })
    const headers = { cookie: 'session=s3cret', authorization: 'Bearer s3cret' }
    const client = new WebSocketCommunicator(app, '/ws/lobby?token=s3cret', { headers })
    await client.connect()
    client.send('throw')
    await client.receiveClose()
    await client.disconnect()
    expect(logger.entries).toEqual([
      {
        level: 'error',
        message: 'consumer failed',
        fields: {
          err: expect.stringContaining('Error: broken') as string,
          scope: {
            id: expect.any(String) as string,
            type: 'websocket',
            path: '/ws/lobby',
            client: '127.0.0.1',
          },
        },
      },
    ])
    expect(JSON.stringify(logger.entries)).not.toContain('s3cret')
    await app.close()
  })

  it('in disconnect is logged, and the session still ends', async () => {
    const logger = collectingLogger()
    class Clumsy extends WebSocketConsumer {
      override disconnect(): void {
        throw new Error('too late')
      }
    }
    const app = millrace({ logger, routes: [websocket('/ws', Clumsy)] })
    const client = new WebSocketCommunicator(app, '/ws')
    await client.connect()
    await client.disconnect()
    expect(logger.entries.map(({ message }) => message)).toEqual(['consumer failed'])
    await app.close()
  })
})

describe('a background task', () => {
  it('lets messages be received meanwhile, and is aborted with the connection', async () => {
    const ended = Promise.withResolvers<unknown>()
    class Worker extends WebSocketConsumer {
      override receive(message: WebSocketData): Promise<void> | void {
        if (message !== 'work') return this.send(`got ${String(message)}`)
        this.background(async (signal) => ended.resolve(await aborted(signal)))
      }
    }
    const client = new WebSocketCommunicator(Worker)
    await client.connect()
    client.send('work')
    client.send('more')
    expect(await client.receive()).toBe('got more')
    await client.disconnect(1001)
    expect(await ended.promise).toMatchObject({ code: 1001 })
  })

  it('belongs to the connection, whose end waits for it', async () => {
    const release = Promise.withResolvers<void>()
    const log: string[] = []
    class Worker extends WebSocketConsumer {
      override async connect(): Promise<void> {
        this.background(async () => {
          await release.promise
          log.push('task ends')
        })
        await this.accept()
      }
    }
    const client = new WebSocketCommunicator(Worker)
    await client.connect()
    const left = client.disconnect().then(() => log.push('client left'))
    await nextTurn()
    release.resolve()
    await left
    expect(log).toEqual(['task ends', 'client left'])
  })

  it('that fails ends the connection with 1011', async () => {
    class Worker extends WebSocketConsumer {
      override receive(): void {
        this.background(() => Promise.reject(new Error('broken')))
      }
    }
    await using client = new WebSocketCommunicator(Worker)
    await client.connect()
    client.send('work')
    expect(await client.receiveClose()).toMatchObject({ code: 1011 })
  })

  it('that throws at once does, too, and one that fails before accept answers 500', async () => {
    class Worker extends WebSocketConsumer {
      override connect(): void {
        this.background(() => {
          throw new Error('broken')
        })
      }
    }
    await using client = new WebSocketCommunicator(Worker)
    expect(await client.connect()).toMatchObject({ status: 500 })
  })
})

it('a handler that goes on after the end of its connection is named in the log', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  const logger = collectingLogger()
  const release = Promise.withResolvers<void>()
  class Stuck extends WebSocketConsumer {
    override receive(): Promise<void> {
      return release.promise
    }
  }
  const app = millrace({ logger, routes: [websocket('/ws', Stuck)] })
  const client = new WebSocketCommunicator(app, '/ws')
  await client.connect()
  client.send('hang')
  const left = client.disconnect(1000, 60)
  await vi.advanceTimersByTimeAsync(9_999)
  expect(logger.entries).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(logger.entries).toMatchObject([
    { level: 'warn', message: expect.stringContaining('pass this.signal') as string },
  ])
  release.resolve()
  await left
  await app.close()
})
