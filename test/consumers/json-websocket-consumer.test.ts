import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type Json, JsonWebSocketConsumer, MessageRefusedError } from '../../src/index.ts'
import { WebSocketCommunicator } from '../../src/testing/index.ts'

class Echo extends JsonWebSocketConsumer {
  override async receive(message: Json): Promise<void> {
    await this.send({ got: message })
  }
}

/** A connected client of a consumer. */
async function clientOf(
  consumer: ConstructorParameters<typeof WebSocketCommunicator>[0],
): Promise<WebSocketCommunicator> {
  const client = new WebSocketCommunicator(consumer)
  await client.connect()
  return client
}

describe('JSON', () => {
  it.each([null, true, 0, 'text', [1, [2]], { a: { b: '€ 😀' } }])('carries %j both ways', async (value) => {
    await using client = await clientOf(Echo)
    client.sendJson(value)
    expect(await client.receiveJson()).toEqual({ got: value })
  })

  it.each([
    ['no JSON', '{"message":', 1007, 'Invalid JSON'],
    ['an empty frame', '', 1007, 'Invalid JSON'],
    ['a million levels', '['.repeat(1_000_000), 1007, 'JSON nested deeper than 100 levels'],
    ['a __proto__ key', '{"__proto__":{"admin":true}}', 1007, 'The key "__proto__" is not accepted'],
    [
      'a constructor with a prototype',
      '{"constructor":{"prototype":{}}}',
      1007,
      'The key "constructor" is not accepted',
    ],
    ['half a surrogate pair', String.raw`{"text":"\ud83d"}`, 1007, 'A string contains half a surrogate pair'],
    ['a binary frame', Buffer.from('{}'), 1003, 'Send JSON in text frames, not binary ones'],
  ])('%s ends the connection with its code and reason', async (_case, data, code, reason) => {
    await using client = await clientOf(Echo)
    client.send(data)
    expect(await client.receiveClose()).toEqual({ code, reason })
  })

  it.each([undefined, () => 1, Symbol('x'), 1n])('cannot carry what send was given: %s', async (value) => {
    class Careless extends JsonWebSocketConsumer {
      override async receive(): Promise<void> {
        await this.send(value)
      }
    }
    await using client = await clientOf(Careless)
    client.sendJson('go')
    expect(await client.receiveClose()).toMatchObject({ code: 1011 })
  })
})

describe('a schema', () => {
  it('checks and transforms every message', async () => {
    const schema = z.object({
      room: z.string(),
      size: z.string().transform(Number),
      tag: z.string().default('none'),
    })
    class Typed extends JsonWebSocketConsumer<z.output<typeof schema>> {
      override readonly schema = schema
      override async receive({ room, size, tag }: z.output<typeof schema>): Promise<void> {
        await this.send([room, size, tag])
      }
    }
    await using client = await clientOf(Typed)
    client.sendJson({ room: 'lobby', size: '7', more: true })
    expect(await client.receiveJson()).toEqual(['lobby', 7, 'none'])
  })

  it('may take its time, and messages stay in order', async () => {
    const first = Promise.withResolvers<void>()
    const schema = z.number().refine(async (index) => {
      if (index === 0) await first.promise
      return true
    })
    class Slow extends JsonWebSocketConsumer<number> {
      override readonly schema = schema
      override async receive(index: number): Promise<void> {
        await this.send(index)
      }
    }
    await using client = await clientOf(Slow)
    client.sendJson(0)
    client.sendJson(1)
    expect(await client.receiveNothing(0)).toBe(true)
    first.resolve()
    expect([await client.receiveJson(), await client.receiveJson()]).toEqual([0, 1])
  })

  it('refuses with 1008, naming the place of the first issue', async () => {
    class Typed extends JsonWebSocketConsumer<{ rooms: { name: string }[] }> {
      override readonly schema = z.object({ rooms: z.array(z.object({ name: z.string() })) })
    }
    await using client = await clientOf(Typed)
    client.sendJson({ rooms: [{ name: 'a' }, { name: 7 }] })
    const { code, reason } = await client.receiveClose()
    expect(code).toBe(1008)
    expect(reason).toMatch(/^rooms\.1\.name: .*string/)
  })

  it('refuses a whole message without a place', async () => {
    class Typed extends JsonWebSocketConsumer<string> {
      override readonly schema = z.string('text is due')
    }
    await using client = await clientOf(Typed)
    client.sendJson(7)
    expect(await client.receiveClose()).toEqual({ code: 1008, reason: 'text is due' })
  })

  it('that throws is a failure of the server', async () => {
    class Typed extends JsonWebSocketConsumer<string> {
      override readonly schema = z.string().transform((): string => {
        throw new Error('broken')
      })
    }
    await using client = await clientOf(Typed)
    client.sendJson('x')
    expect(await client.receiveClose()).toMatchObject({ code: 1011 })
  })
})

describe('refusing', () => {
  it('is open to handlers, with a code of their own', async () => {
    class Picky extends JsonWebSocketConsumer {
      override receive(): void {
        throw new MessageRefusedError('Not on Sundays', 4001)
      }
    }
    await using client = await clientOf(Picky)
    client.sendJson('x')
    expect(await client.receiveClose()).toEqual({ code: 4001, reason: 'Not on Sundays' })
  })

  it('may answer instead of closing, and the connection goes on', async () => {
    class Patient extends Echo {
      override async refused({ code, reason }: MessageRefusedError): Promise<void> {
        await this.send({ refused: reason, code })
      }
    }
    await using client = await clientOf(Patient)
    client.send('{')
    client.send(Buffer.from([0]))
    client.sendJson('still here')
    expect([await client.receiveJson(), await client.receiveJson(), await client.receiveJson()]).toEqual([
      { refused: 'Invalid JSON', code: 1007 },
      { refused: 'Send JSON in text frames, not binary ones', code: 1003 },
      { got: 'still here' },
    ])
  })

  it('with a code that may not be sent is a failure of the server', async () => {
    class Wrong extends JsonWebSocketConsumer {
      override receive(): void {
        throw new MessageRefusedError('No', 1006)
      }
    }
    await using client = await clientOf(Wrong)
    client.sendJson('x')
    expect(await client.receiveClose()).toMatchObject({ code: 1011 })
  })
})
