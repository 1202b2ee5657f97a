import { expect, it } from 'vitest'
import { silentLogger } from '../../../../src/logging/logger.ts'
import { hostSettings } from '../../../../src/redis/hosts.ts'
import { Cluster } from '../../../../src/streams/redis/servers/cluster.ts'
import { SLOTS, slotOf } from '../../../../src/streams/redis/servers/slots.ts'
import { type Answers, bulk, FakeRedis } from '../../../support/fake-redis.ts'

it('what a server was asked that leaves the Cluster is uncertain, and the store goes on', async () => {
  /** Who has the upper half of the slots; `stays` has the lower one. */
  let upper: FakeRedis | undefined
  const HALF = SLOTS / 2
  const keyIn = (from: number): string => {
    for (let n = 0; ; n++) if (slotOf(`${n}`) >= from && slotOf(`${n}`) < from + HALF) return `${n}`
  }
  const range = (from: number, port = 0): string =>
    `*3\r\n:${from}\r\n:${from + HALF - 1}\r\n*2\r\n${bulk('127.0.0.1')}:${port}\r\n`
  const asked = Promise.withResolvers<void>()
  const answersOf =
    (get: () => string | undefined): Answers =>
    ([command]) => {
      switch (command) {
        case 'INFO':
          return bulk('redis_version:7.2.4\r\n')
        case 'CONFIG':
          return '*0\r\n'
        case 'CLUSTER':
          return `*2\r\n${range(0, stays.port)}${range(HALF, upper?.port)}`
        case 'GET':
          return get()
        default:
          return '+OK\r\n'
      }
    }
  // Refuses at first, so that the map is made anew.
  const replies = ['-CLUSTERDOWN The cluster is down\r\n', bulk('here')]
  const stays: FakeRedis = await FakeRedis.start(answersOf(() => replies.shift()))
  const leaves = await FakeRedis.start(
    answersOf(() => {
      asked.resolve()
      return undefined
    }),
  )
  upper = leaves
  const none = (): void => undefined
  const cluster = new Cluster({
    seeds: hostSettings(stays.url),
    timeoutMs: 5000,
    logger: silentLogger,
    scripts: [],
    channel: 'channel',
    onGreeting: none,
    onMessage: none,
    onSubscribed: none,
    onReady: none,
  })
  try {
    const get = (key: string): Promise<unknown> => cluster.request(key, () => ['GET', key])
    const held = get(keyIn(HALF)).catch((error: unknown) => error)
    await asked.promise
    upper = stays
    expect(String(await get(keyIn(0)))).toBe('here')
    expect(await held).toMatchObject({ code: 'unavailable' })
    expect(String(await held)).toMatch(/may have been done$/)
  } finally {
    await cluster.close()
    await Promise.all([stays.stop(), leaves.stop()])
  }
})
