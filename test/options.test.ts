/** Every function that takes options refuses one that does not exist, and names the one that was meant. */
import { createServer } from 'node:http'
import { expect, it } from 'vitest'
import {
  WebSocketConsumer,
  durableStreams,
  http,
  httpStreams,
  memory,
  memoryChannels,
  millrace,
  router,
  run,
  scripted,
  silentLogger,
  sqlite,
  streamSocket,
  streaming,
  websocket,
} from '../src/index.ts'
import { assistantStreams } from '../src/adapters/assistant-stream.ts'
import { resumableStreams } from '../src/adapters/resumable-stream.ts'
import { openai, openaiChat } from '../src/openai.ts'
import { redis, redisChannels, redisPubSubChannels } from '../src/redis.ts'

const app = millrace({ logger: silentLogger })
const { services } = streaming({ store: memory() })
const handler = (): Response => new Response()
const model = { model: 'm', input: 'x', apiKey: 'k' }

it.each<[misspelt: string, meant: string, take: () => unknown]>([
  [
    'millrace() has no option authentication',
    'authenticate',
    () => millrace({ authentication: handler } as object),
  ],
  ['millrace() has no option routez', 'routes', () => millrace({ routez: [] } as object)],
  [
    'millrace() has no option leaseTTL',
    'leaseTtl',
    () => millrace({ store: memory(), leaseTTL: 5 } as object),
  ],
  [
    'millrace() has no option limits.runPerOwner',
    'limits.runsPerOwner',
    () => millrace({ limits: { runPerOwner: 5 } } as object),
  ],
  [
    'run() has no option resumeable',
    'resumable',
    () => run({ run: scripted([]), resumeable: true } as never),
  ],
  [
    'streaming() has no option leaseTTL',
    'leaseTtl',
    () => streaming({ store: memory(), leaseTTL: 5 } as never),
  ],
  [
    'streaming() has no option limits.silense',
    'limits.silence',
    () => streaming({ store: memory(), limits: { silense: 5 } } as never),
  ],
  [
    'streaming() has no option chats.whenBusy',
    'chats.whileBusy',
    () => streaming({ store: memory(), chats: { kinds: {}, whenBusy: 'queue' } } as never),
  ],
  [
    'websocket(/ws/) has no option authentication',
    'authenticate',
    () => websocket('/ws/', WebSocketConsumer, { authentication: handler } as object),
  ],
  [
    'http(/a) has no option authenticated',
    'authenticate',
    () => http('/a', handler, { authenticated: true } as object),
  ],
  ['router(/a) has no option origin', 'origins', () => router('/a', [], { origin: '*' } as object)],
  [
    'streamSocket(/s) has no option maxSubscription',
    'maxSubscriptions',
    () => streamSocket('/s', { ...services, maxSubscription: 1 } as never),
  ],
  [
    'httpStreams(/s) has no option longpollTimeout',
    'longPollTimeout',
    () => httpStreams('/s', { ...services, longpollTimeout: 1 } as never),
  ],
  [
    'durableStreams(/s) has no option authorise',
    'authorize',
    () => durableStreams('/s', { ...services, authorise: handler } as never),
  ],
  [
    'durableStreams(/s) has no option limits.streamPerOwner',
    'limits.streamsPerOwner',
    () => durableStreams('/s', { ...services, limits: { streamPerOwner: 1 } } as never),
  ],
  [
    'attach() has no option trustproxy',
    'trustProxy',
    () => app.attach(createServer(), { trustproxy: true } as object),
  ],
  ['work() has no option channel', 'channels', () => app.work({ channel: ['a'] } as object)],
  ['memory() has no option retension', 'retention', () => memory({ retension: {} } as object)],
  [
    'sqlite() has no option maxFilebytes',
    'maxFileBytes',
    () => sqlite('/nonexistent/a.db', { maxFilebytes: 1 } as object),
  ],
  ['redis() has no option urls', 'url', () => redis({ urls: [] } as object)],
  ['memoryChannels() has no option capactiy', 'capacity', () => memoryChannels({ capactiy: 1 } as object)],
  [
    'redisChannels() has no option encryptionKey',
    'encryptionKeys',
    () => redisChannels({ encryptionKey: 'a' } as object),
  ],
  ['redisPubSubChannels() has no option host', 'hosts', () => redisPubSubChannels({ host: 'a' } as object)],
  ['openai() has no option apikey', 'apiKey', () => openai({ ...model, apikey: 'k' } as never)],
  [
    'openaiChat() has no option startTimeoutMs',
    'startTimeout',
    () => openaiChat({ model: 'm', messages: [], apiKey: 'k', startTimeoutMs: 1 } as never),
  ],
  ['scripted() has no option intervall', 'interval', () => scripted([], { intervall: 1 } as object)],
  [
    'resumableStreams() has no option leaseTTL',
    'leaseTtl',
    () => resumableStreams(memory(), { leaseTTL: 1 } as object),
  ],
  [
    'assistantStreams() has no option prefx',
    'prefix',
    () => assistantStreams(memory(), { prefx: 'a' } as object),
  ],
])('%s. Did you mean %s?', (misspelt, meant, take) => {
  expect(take).toThrow(new TypeError(`${misspelt}. Did you mean ${meant}?`))
})

it('listen() refuses one before it opens anything', async () => {
  await expect(app.listen({ prot: 0 } as object)).rejects.toThrow(
    'listen() has no option prot. Did you mean port?',
  )
})

it('takes options whose value is undefined', () => {
  expect(() => millrace({ routes: undefined, logger: silentLogger } as object)).not.toThrow()
  expect(() => openai({ ...model, stallTimeout: undefined })).not.toThrow()
})
