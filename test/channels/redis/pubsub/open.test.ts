import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import {
  type RedisPubSubChannelLayer,
  redisPubSubChannels,
  type RedisPubSubChannelsOptions,
} from '../../../../src/channels/redis/pubsub/open.ts'
import type { ChannelLayer } from '../../../../src/channels/layer.ts'
import {
  channelLayerCases,
  type ChannelLayerHarness,
  reasonToSkipLayerCase,
} from '../../../../src/conformance/channel-layer-cases.ts'
import { RedisServer } from '../../../support/redis.ts'
import { describeWith } from '../../../support/services.ts'

const cannot = { 'named-channels': 'pub/sub keeps no message that nobody hears' }

/** Layers on one Redis, each under a prefix of its own and listening; a peer has the same options. */
function pubSubHarness(
  common: () => RedisPubSubChannelsOptions,
  abilities: NonNullable<ChannelLayerHarness['cannot']> = cannot,
): ChannelLayerHarness {
  const options = new WeakMap<ChannelLayer, RedisPubSubChannelsOptions>()
  const make = async (given: RedisPubSubChannelsOptions): Promise<RedisPubSubChannelLayer> => {
    const layer = redisPubSubChannels(given)
    options.set(layer, given)
    await layer.listen()
    return layer
  }
  return {
    make: (given) => make({ ...common(), ...given, prefix: `test-${randomUUID()}.` }),
    peer: (of) => make(options.get(of) ?? {}),
    cannot: abilities,
  }
}

describeWith(['redis'], 'the layer on pub/sub', ({ redis }) => {
  let server: RedisServer
  let second: RedisServer

  beforeAll(async () => {
    ;[server, second] = await Promise.all([RedisServer.start(redis), RedisServer.start(redis)])
  })

  afterAll(async () => {
    await Promise.all([server.stop(), second.stop()])
  })

  describe('passes the cases of every channel layer that keeps nothing for named channels', () => {
    const harness = pubSubHarness(() => ({ url: server.url }))
    const cases = channelLayerCases.filter((layerCase) => !reasonToSkipLayerCase(layerCase, harness))
    it.each(cases)('$rules: $name', (layerCase) => layerCase.run(harness))
  })

  describe('passes them encrypted, over a unix socket', () => {
    const harness = pubSubHarness(() => ({ url: server.socketUrl, encryptionKeys: ['new', 'old'] }))
    const cases = channelLayerCases.filter((layerCase) => !reasonToSkipLayerCase(layerCase, harness))
    it.each(cases)('$rules: $name', (layerCase) => layerCase.run(harness))
  })

  describe('passes them on two hosts', () => {
    const harness = pubSubHarness(() => ({ hosts: [server.url, second.url] }), {
      ...cannot,
      'group-order': 'a process hears each host on a connection of its own',
    })
    const cases = channelLayerCases.filter((layerCase) => !reasonToSkipLayerCase(layerCase, harness))
    it.each(cases)('$rules: $name', (layerCase) => layerCase.run(harness))
  })

  describe('passes them in JSON, as far as JSON goes', () => {
    const harness = pubSubHarness(() => ({ url: server.url, serializer: 'json' }), {
      ...cannot,
      'bytes-and-big-integers': 'JSON has no bytes, no NaN and no infinity',
    })
    const cases = channelLayerCases.filter((layerCase) => !reasonToSkipLayerCase(layerCase, harness))
    it.each(cases)('$rules: $name', (layerCase) => layerCase.run(harness))
  })
})
