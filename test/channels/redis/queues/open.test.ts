import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { redisChannels, type RedisChannelsOptions } from '../../../../src/channels/redis/queues/open.ts'
import type { ChannelLayerHarness } from '../../../../src/conformance/channel-layer-cases.ts'
import { channelLayerCases, reasonToSkipLayerCase } from '../../../../src/conformance/channel-layer-cases.ts'
import type { ChannelLayer } from '../../../../src/channels/layer.ts'
import { RedisServer } from '../../../support/redis.ts'
import { describeWith } from '../../../support/services.ts'

/** Layers on one Redis, each under a prefix of its own; a peer has the same options. */
function redisHarness(common: () => RedisChannelsOptions): ChannelLayerHarness {
  const options = new WeakMap<ChannelLayer, RedisChannelsOptions>()
  const make = (given: RedisChannelsOptions): ChannelLayer => {
    const layer = redisChannels(given)
    options.set(layer, given)
    return layer
  }
  return {
    make: (given) => make({ ...common(), ...given, prefix: `test-${randomUUID()}.` }),
    peer: (of) => make(options.get(of) ?? {}),
  }
}

describeWith(['redis'], 'the layer on Redis', ({ redis }) => {
  let server: RedisServer
  let second: RedisServer

  beforeAll(async () => {
    ;[server, second] = await Promise.all([RedisServer.start(redis), RedisServer.start(redis)])
  })

  afterAll(async () => {
    await Promise.all([server.stop(), second.stop()])
  })

  describe('passes the cases of every channel layer', () => {
    const harness = redisHarness(() => ({ url: server.url }))
    it.each(channelLayerCases)('$rules: $name', (layerCase) => layerCase.run(harness))
  })

  describe('passes them encrypted, over a unix socket', () => {
    const harness = redisHarness(() => ({ url: server.socketUrl, encryptionKeys: ['new', 'old'] }))
    it.each(channelLayerCases)('$rules: $name', (layerCase) => layerCase.run(harness))
  })

  describe('passes them on two hosts', () => {
    const harness = redisHarness(() => ({ hosts: [server.url, second.url] }))
    it.each(channelLayerCases)('$rules: $name', (layerCase) => layerCase.run(harness))
  })

  describe('passes them in JSON, as far as JSON goes', () => {
    const harness: ChannelLayerHarness = {
      ...redisHarness(() => ({ url: server.url, serializer: 'json', randomPrefixLength: 4 })),
      cannot: { 'bytes-and-big-integers': 'JSON has no bytes, no NaN and no infinity' },
    }
    const cases = channelLayerCases.filter((layerCase) => !reasonToSkipLayerCase(layerCase, harness))
    it.each(cases)('$rules: $name', (layerCase) => layerCase.run(harness))
  })
})
