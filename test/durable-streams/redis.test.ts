import { afterAll } from 'vitest'
import { redisStreams } from '../../src/redis.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { conformsOver } from './suite.ts'

describeWith(['redis'], 'on Redis', ({ redis }) => {
  let server: RedisServer | undefined
  afterAll(() => server?.stop())
  conformsOver(async () => {
    server = await RedisServer.start(redis)
    return redisStreams({ url: server.url })
  })
})
