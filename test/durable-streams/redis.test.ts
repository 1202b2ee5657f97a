import { afterAll } from 'vitest'
import { redis } from '../../src/redis.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { conformsOver } from './suite.ts'

describeWith(['redis'], 'on Redis', ({ redis: program }) => {
  let server: RedisServer | undefined
  afterAll(() => server?.stop())
  conformsOver(async () => {
    server = await RedisServer.start(program)
    return redis({ url: server.url })
  })
})
