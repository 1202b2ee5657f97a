import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Application,
  type ChannelMessage,
  WebSocketConsumer,
  millrace,
  websocket,
} from '../../src/index.ts'
import { type MemoryChannelLayer, memoryChannels } from '../../src/channels/memory/layer.ts'
import { WebSocketCommunicator } from '../../src/testing/index.ts'
import { type CollectingLogger, collectingLogger } from '../support/logger.ts'

class Chat extends WebSocketConsumer {
  override readonly groups = ['lobby']

  async chat_message({ text }: ChannelMessage): Promise<void> {
    await this.send(text as string)
  }

  async camelCase(): Promise<void> {
    await this.send('camelCase')
  }

  breaks(): void {
    throw new Error('broken')
  }

  _private(): void {
    this.close(4000, 'a type reached a private method')
  }

  readonly field = (): void => this.close(4000, 'a type reached a field')

  get getter(): () => void {
    return () => this.close(4000, 'a type reached a getter')
  }

  static fixed(): void {
    throw new Error('a type reached a static method')
  }
}

class Subchat extends Chat {
  override readonly groups = ['lobby', 'inner']
}

let channels: MemoryChannelLayer
let logger: CollectingLogger
let app: Application

beforeEach(() => {
  channels = memoryChannels()
  logger = collectingLogger()
  app = millrace({ channels, logger, routes: [websocket('/chat', Chat), websocket('/sub', Subchat)] })
})

afterEach(() => app.close())

async function connected(path: string = '/chat'): Promise<WebSocketCommunicator> {
  const client = new WebSocketCommunicator(app, path)
  await client.connect()
  return client
}

describe('groups', () => {
  it('are joined before connect and left at the end', async () => {
    const client = await connected()
    expect(channels.usage()).toMatchObject({ channels: 1, groups: 1, memberships: 1 })
    await client.disconnect()
    expect(channels.usage()).toEqual({
      channels: 0,
      groups: 0,
      memberships: 0,
      messages: 0,
      receivers: 0,
      dropped: 0,
      expired: 0,
    })
  })

  it('reach every member, in order', async () => {
    const clients = await Promise.all([connected(), connected(), connected('/sub')])
    for (const text of ['one', 'two']) await app.channels.groupSend('lobby', { type: 'chat.message', text })
    for (const client of clients) {
      expect([await client.receive(), await client.receive()]).toEqual(['one', 'two'])
      await client.disconnect()
    }
  })

  it('may be joined and left in between, and cost nothing unless used', async () => {
    class Joiner extends WebSocketConsumer {
      override async receive(message: string): Promise<void> {
        if (message === 'join') await this.groupAdd('late')
        else await this.groupDiscard('late')
        await this.send(message)
      }
      chat_message(): Promise<void> {
        return this.send('heard')
      }
    }
    const joined = millrace({ channels, logger, routes: [websocket('/', Joiner)] })
    const client = new WebSocketCommunicator(joined, '/')
    await client.connect()
    expect(channels.usage()).toMatchObject({ channels: 0, receivers: 0 })
    for (const [command, sent] of [
      ['join', 1],
      ['leave', 0],
      ['leave', 0],
      ['join', 1],
    ] as const) {
      client.send(command)
      expect(await client.receive()).toBe(command)
      expect(await channels.groupSend('late', { type: 'chat.message' })).toEqual({
        sent,
        dropped: 0,
      })
      if (sent > 0) expect(await client.receive()).toBe('heard')
    }
    await client.disconnect()
    expect(channels.usage()).toMatchObject({ channels: 0, memberships: 0 })
  })

  it('hear a consumer that speaks to its own', async () => {
    class Speaker extends WebSocketConsumer {
      override readonly groups = ['speakers']
      override async receive(text: string): Promise<void> {
        await this.groupSend('speakers', { type: 'said', text })
      }
      said({ text }: ChannelMessage): Promise<void> {
        return this.send(`said ${text as string}`)
      }
    }
    await using client = new WebSocketCommunicator(Speaker)
    await client.connect()
    client.send('hello')
    expect(await client.receive()).toBe('said hello')
  })

  it('are left by a consumer whose connect refuses or fails', async () => {
    class Refusing extends Chat {
      override async connect(): Promise<void> {
        this.close()
      }
    }
    const refusing = millrace({ channels, logger, routes: [websocket('/', Refusing)] })
    const client = new WebSocketCommunicator(refusing, '/')
    expect(await client.connect()).toMatchObject({ status: 403 })
    await client.disconnect()
    expect(channels.usage()).toMatchObject({ channels: 0, memberships: 0 })
  })
})

describe('a type', () => {
  it('names a method, dots standing for underscores', async () => {
    const client = await connected('/sub')
    await channels.groupSend('inner', { type: 'chat.message', text: 'dots' })
    await channels.groupSend('inner', { type: 'chat_message', text: 'underscores' })
    await channels.groupSend('inner', { type: 'camelCase' })
    expect([await client.receive(), await client.receive(), await client.receive()]).toEqual([
      'dots',
      'underscores',
      'camelCase',
    ])
    await client.disconnect()
  })

  it.each([
    'unknown.type',
    '_private',
    '.private',
    '__proto__',
    '__defineGetter__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'valueOf',
    'connect',
    'receive',
    'disconnect',
    'refused',
    'accept',
    'close',
    'send',
    'decode',
    'encode',
    'background',
    'groupAdd',
    'signal',
    'scope',
    'field',
    'getter',
    'fixed',
    'groups',
  ])('%j is refused with a clear log, and the consumer lives', async (type) => {
    const client = await connected()
    await channels.groupSend('lobby', { type, text: 'intruder' })
    await channels.groupSend('lobby', { type: 'chat.message', text: 'alive' })
    expect(await client.receive()).toBe('alive')
    expect(logger.entries).toEqual([
      {
        level: 'error',
        message: 'channel message refused: no handler for its type',
        fields: {
          scope: expect.objectContaining({ path: '/chat' }) as object,
          type,
          reason: expect.any(String) as string,
        },
      },
    ])
    await client.disconnect()
  })

  it('of another kind than text is refused, whatever a foreign process sent', async () => {
    const client = await connected()
    const receive = channels.receive.bind(channels)
    const foreign: unknown[] = [{ text: 'no type' }, { type: 7 }, { type: { toString: null } }]
    channels.receive = async (channel, signal) =>
      (foreign.shift() as ChannelMessage | undefined) ?? (await receive(channel, signal))
    await channels.groupSend('lobby', { type: 'chat.message', text: 'first' })
    await channels.groupSend('lobby', { type: 'chat.message', text: 'second' })
    expect([await client.receive(), await client.receive()]).toEqual(['first', 'second'])
    expect(logger.entries.map(({ fields }) => fields)).toMatchObject([
      { type: 'undefined' },
      { type: 'number' },
      { type: 'object' },
    ])
    await client.disconnect()
  })

  it('is not repeated in the log at any length', async () => {
    const client = await connected()
    await channels.groupSend('lobby', { type: 'x'.repeat(10_000) })
    await channels.groupSend('lobby', { type: 'chat.message', text: 'alive' })
    await client.receive()
    expect(JSON.stringify(logger.entries).length).toBeLessThan(1_000)
    await client.disconnect()
  })
})

describe('a handler of a channel message', () => {
  it('that throws ends the connection with 1011 and leaves the groups', async () => {
    const client = await connected()
    const other = await connected('/sub')
    await channels.groupSend('lobby', { type: 'breaks' })
    expect(await client.receiveClose()).toMatchObject({ code: 1011 })
    expect(await other.receiveClose()).toMatchObject({ code: 1011 })
    await Promise.all([client.disconnect(), other.disconnect()])
    expect(channels.usage()).toMatchObject({ channels: 0, memberships: 0, messages: 0 })
  })

  it('is reached by the channel of its connection alone', async () => {
    class Named extends WebSocketConsumer {
      override async connect(): Promise<void> {
        await this.accept()
        await this.send(this.channelName)
      }
      ping(): Promise<void> {
        return this.send('pong')
      }
    }
    const named = millrace({ channels, logger, routes: [websocket('/', Named)] })
    const [one, two] = [new WebSocketCommunicator(named, '/'), new WebSocketCommunicator(named, '/')]
    await Promise.all([one.connect(), two.connect()])
    const names = [await one.receive(), await two.receive()]
    await channels.send(String(names[0]), { type: 'ping' })
    expect(await one.receive()).toBe('pong')
    expect(await two.receiveNothing(0)).toBe(true)
    await Promise.all([one.disconnect(), two.disconnect()])
  })
})
