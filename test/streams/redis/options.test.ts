import { expect, it } from 'vitest'
import { redis } from '../../../src/streams/redis/open.ts'
import type { RedisStoreOptions } from '../../../src/streams/redis/open.ts'
import { CONNECTION_ERRORS } from '../../../src/streams/redis/store-error.ts'
import { Keys } from '../../../src/streams/redis/keys.ts'
import { slotOf } from '../../../src/streams/redis/servers/slots.ts'
import { RedisRefusedError } from '../../../src/redis/open-client.ts'

it.each<[RedisStoreOptions, string]>([
  [{ prefix: '' }, 'prefix must be'],
  [{ prefix: 'a b' }, 'prefix must be'],
  [{ prefix: 'a{b}' }, 'prefix must be'],
  [{ prefix: 'asgi:streams' }, 'must not begin with asgi'],
  [{ timeout: 0 }, 'timeout must be a positive number'],
  [{ lossPatience: Number.NaN }, 'lossPatience must be a positive number'],
  [{ url: 'redis://a', cluster: ['redis://b'] }, 'Give one of'],
  [['redis://a'] as RedisStoreOptions, 'redis() takes an object of options'],
  [{ hosts: ['redis://a'] } as RedisStoreOptions, 'redis() has no option hosts. Did you mean host?'],
  [{ url: 'http://a' }, 'begins with redis://'],
  [{ cluster: [] }, 'at least one'],
  [{ cluster: ['redis://a/3'] }, 'no Sentinel, path or database'],
  [{ limits: { recordBytes: 0 } }, 'recordBytes'],
])('%o is refused', (options, message) => {
  expect(() => redis(options)).toThrow(message)
})

it('takes a URL in place of options', () => {
  expect(() => redis('http://a')).toThrow('begins with redis://')
  expect(redis('redis://a').durability).toBe('process')
})

it('the keys of a stream share a slot, whatever its id is, and no two streams share keys', () => {
  const keys = new Keys('millrace')
  const ids = ['a', '}', '{', '{}', '}{x', 'a}:log', 'a}', '%7D', 'x{y}z', '{lists}']
  for (const id of ids) {
    const slots = Object.values(keys.of(id)).map(slotOf)
    expect(new Set(slots).size, id).toBe(1)
  }
  const all = ids.flatMap((id) => Object.values<string>({ ...keys.of(id) }))
  expect(new Set(all).size).toBe(ids.length * 3)
  expect(new Set(Object.values(keys.lists).map(slotOf)).size).toBe(1)
})

it.each([
  ["OOM command not allowed when used memory > 'maxmemory'.", 'full'],
  ['MISCONF Redis is configured to save RDB snapshots', 'full'],
  ["READONLY You can't write against a read only replica.", 'unavailable'],
  ['LOADING Redis is loading the dataset in memory', 'unavailable'],
  ['CLUSTERDOWN The cluster is down', 'unavailable'],
  ['NOREPLICAS Not enough good replicas to write.', 'unavailable'],
  ['BUSY Redis is busy running a script.', 'unavailable'],
  ['NOAUTH Authentication required.', 'cannot_open'],
  ['NOPERM this user has no permissions', 'cannot_open'],
  ['WRONGTYPE Operation against a key', 'not_a_store'],
  ['ERR something else', 'failed'],
])('Redis’s answer "%s" is the error %s', (text, code) => {
  const error = CONNECTION_ERRORS.unavailable(
    'Redis at a:1 refused',
    false,
    new RedisRefusedError(new Error(text)),
  )
  expect(error).toMatchObject({ code })
  expect(error.message).toContain(text)
})

it('an error says whether what was asked may have been done', () => {
  expect(CONNECTION_ERRORS.unavailable('Redis was lost', true).message).toMatch(/may have been done$/)
  expect(CONNECTION_ERRORS.unavailable('Redis is away', false).message).toBe(
    'The stream store cannot work: Redis is away',
  )
})
