import { describe, expect, it } from 'vitest'
import { WebSocketConsumer, millrace, websocket } from '../../src/index.ts'
import { WebSocketCommunicator } from '../../src/testing/index.ts'
import { collectingLogger } from '../support/logger.ts'
import type { AcceptOptions } from '../../src/consumers/transport.ts'

/** A client of a consumer whose `connect` is this. */
function clientOf(
  connect: (consumer: WebSocketConsumer) => unknown,
  options?: ConstructorParameters<typeof WebSocketCommunicator>[2],
): WebSocketCommunicator {
  class Tested extends WebSocketConsumer {
    override async connect(): Promise<void> {
      await connect(this)
    }
  }
  return new WebSocketCommunicator(Tested, '/ws', options)
}

describe('accepting', () => {
  it('is what connect does unless overridden', async () => {
    await using client = new WebSocketCommunicator(WebSocketConsumer)
    expect(await client.connect()).toEqual({ accepted: true, subprotocol: undefined, headers: {} })
  })

  it('chooses a subprotocol the client offers, and sets headers', async () => {
    const options: AcceptOptions = { subprotocol: 'v2', headers: { 'set-cookie': ['a=1', 'b=2'] } }
    await using client = clientOf((consumer) => consumer.accept(options), { subprotocols: ['v1', 'v2'] })
    expect(await client.connect()).toEqual({ accepted: true, ...options })
  })

  it('lets connect send at once and go on', async () => {
    await using client = clientOf(async (consumer) => {
      await consumer.accept()
      await consumer.send('welcome')
    })
    await client.connect()
    expect(await client.receive()).toBe('welcome')
  })

  it.each<[string, (consumer: WebSocketConsumer) => unknown, RegExp]>([
    [
      'twice',
      async (consumer) => [await consumer.accept(), await consumer.accept()],
      /accept\(\) was already called/,
    ],
    [
      'for another subprotocol',
      (consumer) => consumer.accept({ subprotocol: 'v3' }),
      /"v3", which the client does not offer/,
    ],
  ])('%s is an error of the consumer', async (_case, connect, message) => {
    const client = clientOf(connect)
    await client.connect()
    await expect(client.receive()).rejects.toMatchObject({
      cause: { message: expect.stringMatching(message) as string },
    })
    await client.disconnect()
  })
})

describe('refusing', () => {
  it('answers 403 when connect closes before it accepts, with its reason', async () => {
    await using client = clientOf((consumer) => consumer.close(4000, 'Members only'))
    expect(await client.connect()).toMatchObject({
      accepted: false,
      status: 403,
      error: { code: 'connection_refused', message: 'Members only' },
    })
  })

  it('has a sentence of its own where the consumer gives no reason', async () => {
    await using client = clientOf((consumer) => consumer.close())
    expect(await client.connect()).toMatchObject({
      status: 403,
      error: { message: 'The connection was refused.' },
    })
  })

  it('still runs disconnect, and accepts no more', async () => {
    const seen: unknown[] = []
    class Closed extends WebSocketConsumer {
      override async connect(): Promise<void> {
        this.close(4000, 'no')
        await this.accept().catch((error: unknown) => seen.push((error as Error).name))
      }
      override disconnect(...args: [number, string]): void {
        seen.push(args)
      }
    }
    const client = new WebSocketCommunicator(Closed)
    expect(await client.connect()).toMatchObject({ status: 403 })
    await client.disconnect()
    expect(seen).toEqual(['ConnectionClosedError', [1006, 'no']])
  })

  it('answers 500 when connect throws, and tells the client nothing of it', async () => {
    const logger = collectingLogger()
    class Broken extends WebSocketConsumer {
      override connect(): void {
        throw new Error('the database password is hunter2')
      }
    }
    const app = millrace({ logger, routes: [websocket('/ws', Broken)] })
    const client = new WebSocketCommunicator(app, '/ws')
    const result = await client.connect()
    expect(result).toMatchObject({ accepted: false, status: 500, error: { code: 'internal_error' } })
    expect(JSON.stringify(!result.accepted && result.error?.body)).not.toContain('hunter2')
    expect(logger.entries).toHaveLength(1)
    await app.close()
  })

  it('answers 500 when a group cannot be joined', async () => {
    class Misnamed extends WebSocketConsumer {
      override readonly groups = ['not a name']
    }
    await using client = new WebSocketCommunicator(Misnamed)
    expect(await client.connect()).toMatchObject({ accepted: false, status: 500 })
  })
})

describe('sending', () => {
  it('before accept is an error of the consumer', async () => {
    await using client = clientOf((consumer) => consumer.send('too early'))
    expect(await client.connect()).toMatchObject({ accepted: false, status: 500 })
  })

  it('takes strings and bytes', async () => {
    await using client = clientOf(async (consumer) => {
      await consumer.accept()
      await consumer.send('text')
      await consumer.send(Buffer.from([1, 2]))
    })
    await client.connect()
    expect(await client.receive()).toBe('text')
    expect(await client.receive()).toEqual(Buffer.from([1, 2]))
  })

  it('of anything else ends the connection with 1011', async () => {
    await using client = clientOf(async (consumer) => {
      await consumer.accept()
      await consumer.send({} as string)
    })
    await client.connect()
    expect(await client.receiveClose()).toMatchObject({ code: 1011 })
  })
})

describe('closing', () => {
  it.each([
    [1000, ''],
    [3000, 'done'],
    [4999, 'x'.repeat(123)],
  ])('with %d tells the client the code and the reason', async (code, reason) => {
    await using client = clientOf(async (consumer) => {
      await consumer.accept()
      consumer.close(code, reason)
    })
    await client.connect()
    expect(await client.receiveClose()).toEqual({ code, reason })
  })

  it('cuts a reason that no frame can carry', async () => {
    await using client = clientOf(async (consumer) => {
      await consumer.accept()
      consumer.close(4000, '€'.repeat(100))
    })
    await client.connect()
    expect(await client.receiveClose()).toEqual({ code: 4000, reason: '€'.repeat(41) })
  })

  it.each([0, 1005, 1006, 1015, 2000, 5000, Number.NaN])(
    'with %d is an error of the consumer',
    async (code) => {
      await using client = clientOf(async (consumer) => {
        await consumer.accept()
        consumer.close(code)
      })
      await client.connect()
      expect(await client.receiveClose()).toMatchObject({ code: 1011 })
    },
  )

  it('twice is closing once', async () => {
    await using client = clientOf(async (consumer) => {
      await consumer.accept()
      consumer.close(4000, 'first')
      consumer.close(4001, 'second')
    })
    await client.connect()
    expect(await client.receiveClose()).toEqual({ code: 4000, reason: 'first' })
  })
})
