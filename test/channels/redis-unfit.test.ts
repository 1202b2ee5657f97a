/** A Redis that answers, and is too old for the layer. */
import { afterEach, expect, it, vi } from 'vitest'
import { redisChannels } from '../../src/channels/redis/queues/open.ts'
import { millrace } from '../../src/millrace.ts'
import { collectingLogger } from '../support/logger.ts'
import { RedisServer } from '../support/redis.ts'
import { serve } from '../support/server.ts'
import { describeWith } from '../support/services.ts'

describeWith(['redis'], 'a Redis without BZMPOP', ({ redis }) => {
  const ends: (() => Promise<unknown>)[] = []

  afterEach(async () => {
    for (const end of ends.splice(0).toReversed()) await end()
  })

  async function start(...args: readonly string[]): Promise<RedisServer> {
    const server = await RedisServer.start(redis, { arguments: args })
    ends.push(() => server.stop())
    return server
  }

  it('is refused by an application that would listen', async () => {
    const { url } = await start('--rename-command', 'BZMPOP', '')
    const logger = collectingLogger()
    const application = millrace({ logger, channels: redisChannels({ url, logger }) })
    ends.push(() => application.close())
    await expect(application.listen({ port: 0 })).rejects.toMatchObject({
      code: 'redis_unfit',
      message: expect.stringContaining('it has no command BZMPOP') as string,
    })
    const said = logger.entries.filter(({ message }) => message === 'redis cannot be used; trying again')
    expect(said).toHaveLength(1)
  })

  it('fails calls with the reason', async () => {
    const { url } = await start('--rename-command', 'BZMPOP', '')
    const layer = redisChannels({ url, timeout: 0.5, logger: collectingLogger() })
    ends.push(() => layer.close())
    await expect(layer.send('jobs', { type: 'job' })).rejects.toMatchObject({
      code: 'channel_layer_unavailable',
      message: expect.stringMatching(/cannot be used: it has no command BZMPOP/) as string,
    })
  })

  it('that comes after the start makes /readyz say why, and before that Redis is away', async () => {
    const server = await start('--rename-command', 'BZMPOP', '')
    await server.kill()
    await using running = await serve({
      channels: redisChannels({ url: server.url, logger: collectingLogger() }),
    })
    const answer = async (): Promise<unknown> => (await fetch(running.url('/readyz'))).json()
    expect(await answer()).toEqual({ status: 'not ready', reason: 'the channel layer cannot be reached' })
    await server.run()
    const why = /^the Redis of the channel layer cannot be used: it has no command BZMPOP/
    await vi.waitFor(
      async () => expect(await answer()).toMatchObject({ reason: expect.stringMatching(why) as string }),
      20_000,
    )
  })
})
