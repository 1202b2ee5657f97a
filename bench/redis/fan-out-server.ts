/** Millrace with a channel layer on Redis: the counterpart of seed_stack.py, with the same consumer. */
import { redisChannels } from '../../src/channels/redis/queues/open.ts'
import type { ChannelMessage } from '../../src/channels/layer.ts'
import { JsonWebSocketConsumer } from '../../src/consumers/json-websocket-consumer.ts'
import { silentLogger } from '../../src/logging/logger.ts'
import { websocket } from '../../src/routing/route.ts'
import { Application } from '../../src/server/application.ts'

export interface FanOutReply {
  readonly type: 'listening'
  readonly port: number
}

class BenchConsumer extends JsonWebSocketConsumer {
  override readonly groups = ['bench']

  async bench_message({ t, d }: ChannelMessage): Promise<void> {
    await this.send({ t, d })
  }
}

const application = new Application({
  routes: [websocket('/', BenchConsumer)],
  channels: redisChannels({ url: process.argv[2] ?? '' }),
  logger: silentLogger,
})
const { port } = await application.listen({ port: 0, maxConnections: 20_000 })
process.on('disconnect', () => process.exit(0))
process.send?.({ type: 'listening', port } satisfies FanOutReply)
