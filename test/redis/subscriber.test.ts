import { expect, it } from 'vitest'
import { silentLogger } from '../../src/logging/logger.ts'
import { RedisRefusedError, type RedisClient } from '../../src/redis/open-client.ts'
import { Subscriber } from '../../src/redis/subscriber.ts'

it('a Redis that refuses every subscription is not asked at once again and again, nor logged each time', async () => {
  let opened = 0
  let warnings = 0
  const pauses: number[] = []
  const enough = Promise.withResolvers<void>()
  let last = performance.now()
  const subscriber = new Subscriber({
    title: 'test',
    timeoutMs: 1000,
    logger: { ...silentLogger, warn: () => void warnings++ },
    open: async (): Promise<RedisClient> => {
      pauses.push(performance.now() - last)
      last = performance.now()
      if (++opened === 5) enough.resolve()
      return {
        send: () => Promise.resolve('PONG'),
        subscribe: () => Promise.reject(new RedisRefusedError(new Error('NOPERM No permissions'))),
        unsubscribe: () => Promise.resolve(),
        end: () => undefined,
      }
    },
    onSubscribed: () => undefined,
    onMoved: () => undefined,
  })
  subscriber.add('channel')
  await enough.promise
  await subscriber.close()
  // Half of 50, 100, 200 and 400 ms at least; timers may be a little early.
  for (const [n, least] of [25, 50, 100, 200].entries()) expect(pauses[n + 1]).toBeGreaterThan(least - 2)
  expect(warnings).toBe(1)
})
