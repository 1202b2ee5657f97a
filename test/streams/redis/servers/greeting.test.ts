import { Buffer } from 'node:buffer'
import { expect, it } from 'vitest'
import type { RedisClient } from '../../../../src/redis/open-client.ts'
import { greet } from '../../../../src/streams/redis/servers/greeting.ts'

function server(info: Record<string, string>, config: readonly string[] | Error): RedisClient {
  const unused = (): Promise<never> => Promise.reject(new Error('not asked for'))
  const lines = Object.entries(info).map(([name, value]) => `${name}:${value}`)
  return {
    send(args) {
      if (args[0] === 'INFO') return Promise.resolve(Buffer.from(['# Server', ...lines, ''].join('\r\n')))
      return config instanceof Error ? Promise.reject(config) : Promise.resolve(config)
    },
    subscribe: unused,
    unsubscribe: unused,
    end: () => undefined,
  }
}

it('says what a server is like', async () => {
  const info = { redis_version: '7.2.4', run_id: 'abc', aof_enabled: '1', connected_slaves: '2' }
  expect(await greet(server(info, ['save', '', 'appendfsync', 'everysec']), 'channel')).toEqual({
    run: 'abc',
    appendOnly: true,
    fsync: 'everysec',
    snapshots: false,
    replicas: 2,
    eviction: undefined,
  })
})

it('does without what it may not ask', async () => {
  const greeting = await greet(
    server({ redis_version: '8.0.1', run_id: 'abc' }, new Error('NOPERM')),
    'channel',
  )
  expect(greeting).toMatchObject({
    appendOnly: undefined,
    fsync: undefined,
    snapshots: undefined,
    replicas: 0,
  })
})

it('refuses a server that is too old', async () => {
  await expect(greet(server({ redis_version: '6.2.14' }, []), 'channel')).rejects.toThrow(
    'it is Redis 6.2.14, and the stream store needs Redis or Valkey 7 at least',
  )
})
