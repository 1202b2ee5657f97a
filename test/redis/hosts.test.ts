import { describe, expect, it } from 'vitest'
import { hostSettings } from '../../src/redis/hosts.ts'

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
