import { describe, expect, it } from 'vitest'
import { redisChannels } from '../../../../src/channels/redis/queues/open.ts'
import { redisPubSubChannels } from '../../../../src/channels/redis/pubsub/open.ts'
import { shardOf } from '../../../../src/channels/redis/wire-names.ts'

it('shards are those of channels_redis', () => {
  // From Python: int((crc32(name) & 0xFFF) / (4096 / n)).
  expect(
    ['chat', 'work', 'group-7'].map((name) => [1, 2, 3, 7].map((hosts) => shardOf(name, hosts))),
  ).toEqual([
    [0, 0, 0, 1],
    [0, 1, 1, 3],
    [0, 0, 1, 2],
  ])
})

describe('an option', () => {
  it.each([
    { prefix: '' },
    { timeout: 0 },
    { timeout: Number.NaN },
    { encryptionKeys: [] },
    { encryptionKeys: [''] },
    { expiry: 0 },
    { capacity: 0 },
    { serializer: 'yaml' as 'json' },
  ])('%o is refused', (options) => {
    expect(() => redisChannels(options)).toThrow(RangeError)
    expect(() => redisPubSubChannels(options)).toThrow(RangeError)
  })

  it.each([-1, 0.5, 256, Number.NaN])('randomPrefixLength: %d is refused', (randomPrefixLength) => {
    expect(() => redisChannels({ randomPrefixLength })).toThrow(RangeError)
  })

  it('url and hosts exclude each other', () => {
    expect(() => redisChannels({ url: 'redis://a', hosts: [] })).toThrow(TypeError)
    expect(() => redisChannels({ hosts: [] })).toThrow(TypeError)
    expect(() => redisPubSubChannels({ url: 'redis://a', hosts: [] })).toThrow(TypeError)
  })
})
