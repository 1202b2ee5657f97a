import { describe, expect, it } from 'vitest'
import { hostSettings } from '../../../src/channels/redis/hosts.ts'
import { shardOf } from '../../../src/channels/redis/shard.ts'
import { redisChannels } from '../../../src/channels/redis.ts'

describe('a host', () => {
  it.each([
    ['redis://', { host: 'localhost', port: 6379, title: 'localhost:6379' }],
    ['redis://cache:7000/3', { host: 'cache', port: 7000, database: 3, tls: false }],
    ['rediss://user:p%40ss@cache', { username: 'user', password: 'p@ss', port: 6379, tls: true }],
    ['redis://:secret@[::1]:1', { host: '::1', port: 1, password: 'secret', title: '::1:1' }],
    ['unix:///run/my%20redis.sock?db=2', { path: '/run/my redis.sock', database: 2 }],
  ])('%s', (url, expected) => {
    expect(hostSettings(url)).toEqual([expect.objectContaining(expected)])
  })

  it('in parts overrides its URL', () => {
    expect(hostSettings({ url: 'rediss://cache', password: 'x', tls: { ca: 'pem' } })).toEqual([
      expect.objectContaining({ host: 'cache', password: 'x', tls: { ca: 'pem' } }),
    ])
  })

  it.each(['http://cache', 'cache:6379', 'redis://a:b', 'redis://user:secret@:x/'])(
    '%s is refused',
    (url) => {
      expect(() => hostSettings(url)).toThrow(TypeError)
      expect(() => hostSettings(url)).not.toThrow(/secret/)
    },
  )

  it('behind Sentinel needs its name there', () => {
    expect(() => hostSettings({ sentinels: [{ host: 'a', port: 1 }] })).toThrow('`master`')
    expect(() => hostSettings({ sentinels: [], master: 'm' })).toThrow('at least one')
    expect(hostSettings({ sentinels: [{ host: 'a', port: 1 }], master: 'm', password: 'secret' })).toEqual([
      expect.objectContaining({ title: 'm of a:1' }),
    ])
  })
})

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
  ])('%o is refused', (options) => {
    expect(() => redisChannels(options)).toThrow(RangeError)
  })

  it('url and hosts exclude each other', () => {
    expect(() => redisChannels({ url: 'redis://a', hosts: [] })).toThrow(TypeError)
    expect(() => redisChannels({ hosts: [] })).toThrow(TypeError)
  })
})
