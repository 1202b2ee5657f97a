/** Processes whose channels and groups are on two Redis servers: what comes by way of one may overtake the other. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { processOf, shardOf } from '../../src/channels/redis/wire-names.ts'
import { type RedisPubSubChannelLayer, redisPubSubChannels } from '../../src/channels/redis/pubsub/open.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { TcpBalancer } from '../support/tcp-balancer.ts'

/** As many as it takes for what waits for nothing to have happened. */
const ROUND_TRIPS = 20

describeWith(['redis'], 'processes on two hosts', ({ redis }) => {
  const servers: RedisServer[] = []
  /** The ways of `there` to the servers. */
  const ways: TcpBalancer[] = []
  let prefix: string
  let here: RedisPubSubChannelLayer
  let there: RedisPubSubChannelLayer

  beforeAll(async () => {
    servers.push(...(await Promise.all([RedisServer.start(redis), RedisServer.start(redis)])))
  })

  afterAll(() => Promise.all(servers.map((server) => server.stop())))

  beforeEach(async () => {
    for (const { port } of servers) ways.push(await TcpBalancer.start({ backends: () => [port] }))
    prefix = `test-${randomUUID()}.`
    const options = { prefix, timeout: 20 }
    here = redisPubSubChannels({ ...options, hosts: servers.map(({ url }) => url) })
    there = redisPubSubChannels({ ...options, hosts: ways.map(({ port }) => `redis://127.0.0.1:${port}`) })
    await Promise.all([here.listen(), there.listen()])
  })

  afterEach(async () => {
    await Promise.all([here, there].map((layer) => layer.close()))
    await Promise.all(ways.splice(0).map((way) => way.close()))
  })

  /** The first name that is on the other server than a topic. */
  function awayFrom(topic: string, name: () => string, topicOf = (given: string): string => given): string {
    for (;;) {
      const candidate = name()
      if (shardOf(topicOf(candidate), 2) !== shardOf(topic, 2)) return candidate
    }
  }

  /** Holds back what a server says to `there`. Returns the undo. */
  function hold(topic: string): () => void {
    const way = ways[shardOf(topic, 2)] as TcpBalancer
    const undo = Array.from({ length: way.connections }, (_, index) => way.stall(index))
    return () => {
      for (const release of undo) release()
    }
  }

  /** Messages go from here to there by the other server than a topic's: whatever went before has come. */
  async function goAround(topic: string): Promise<void> {
    const channel = awayFrom(topic, () => there.newChannel())
    for (let n = 0; n < ROUND_TRIPS; n++) {
      await here.send(channel, { type: 'around', n })
      expect(await there.receive(channel)).toEqual({ type: 'around', n })
    }
  }

  it('what was sent to a group is had by a channel that another process discards afterwards', async () => {
    const channel = there.newChannel()
    const control = `${prefix}:control.${processOf(channel)}!`
    let groups = 0
    const topicOf = (name: string): string => `${prefix}__group__${name}`
    const group = awayFrom(control, () => `group-${groups++}`, topicOf)
    await here.groupAdd(group, channel)

    const release = hold(topicOf(group))
    expect(await here.groupSend(group, { type: 'first' })).toEqual({ sent: 1, dropped: 0 })
    const discarding = here.groupDiscard(group, channel)
    await goAround(topicOf(group))
    release()
    await discarding

    await here.groupSend(group, { type: 'second' })
    await here.send(channel, { type: 'after' })
    expect(await there.receive(channel)).toEqual({ type: 'first' })
    expect(await there.receive(channel)).toEqual({ type: 'after' })
  })

  it('a flush forgets what was sent before it, by way of each', async () => {
    const channel = awayFrom(`${prefix}:control`, () => there.newChannel())

    const release = hold(channel)
    await here.send(channel, { type: 'old' })
    const flushing = here.flush()
    await goAround(channel)
    release()
    await flushing

    await here.send(channel, { type: 'new' })
    expect(await there.receive(channel)).toEqual({ type: 'new' })
  })
})
