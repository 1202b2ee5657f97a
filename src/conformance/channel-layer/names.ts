/** Cases: names of channels and groups. */
import assert from 'node:assert/strict'
import { type ChannelLayerCase, layerCase } from './harness.ts'

const PLAIN_NAMES = ['a', 'A-Z_0.9', '.', 'x'.repeat(99)]
const NO_NAMES = ['', ' ', 'a b', 'a\n', 'caf\u00e9', 'a/b', 'a:b', 'a*', '\ud83d\ude00', 'x'.repeat(100)]

export const nameCases: readonly ChannelLayerCase[] = [
  layerCase(
    ['CL-1'],
    'a channel without a ! is sent to and received by any valid name',
    async (trial) => {
      const layer = await trial.layer()
      for (const name of PLAIN_NAMES) {
        await layer.send(name, { type: 'test', name })
        await trial.expectNext(layer, name, { type: 'test', name })
      }
    },
    ['named-channels'],
  ),

  layerCase(['CL-1'], 'a wrong channel name is refused by every call that takes one', async (trial) => {
    const layer = await trial.layer()
    for (const name of [...NO_NAMES, '!', '!a', 'a!b!c', 'a!b c', 'a!\u00e9']) {
      await trial.expectError('invalid_name', () => layer.send(name, { type: 'test' }))
      await trial.expectError('invalid_name', () => layer.receive(name))
      await trial.expectError('invalid_name', () => layer.groupAdd('group', name))
      await trial.expectError('invalid_name', () => layer.groupDiscard('group', name))
    }
  }),

  layerCase(['CL-2'], 'a group has any name that a channel without a ! can have', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    for (const name of PLAIN_NAMES) {
      await layer.groupAdd(name, channel)
      await layer.groupSend(name, { type: 'test', name })
      await trial.expectNext(layer, channel, { type: 'test', name })
      await layer.groupDiscard(name, channel)
    }
  }),

  layerCase(['CL-2'], 'a wrong group name is refused by every call that takes one', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    for (const name of [...NO_NAMES, 'a!', 'a!b', channel]) {
      await trial.expectError('invalid_name', () => layer.groupAdd(name, channel))
      await trial.expectError('invalid_name', () => layer.groupDiscard(name, channel))
      await trial.expectError('invalid_name', () => layer.groupSend(name, { type: 'test' }))
    }
  }),

  layerCase(
    ['CL-3'],
    'newChannel gives a valid name with its prefix, and never the same twice',
    async (trial) => {
      const layers = [await trial.layer(), await trial.layer()]
      const channels = layers.flatMap((layer) => Array.from({ length: 500 }, () => layer.newChannel()))
      assert.equal(new Set(channels).size, 1000)
      for (const channel of channels) {
        assert.match(channel, /^specific\.[\w\-.]+![\w\-.]+$/)
        assert.ok(channel.length < 100)
      }
    },
  ),

  layerCase(
    ['CL-3'],
    'newChannel takes a prefix of up to 33 characters and refuses what is none',
    async (trial) => {
      const layer = await trial.layer()
      for (const prefix of ['chat', 'a.b-c_9', 'x'.repeat(33)]) {
        const channel = layer.newChannel(prefix)
        assert.ok(channel.startsWith(`${prefix}.`) && channel.length < 100)
        await layer.send(channel, { type: 'test' })
        await trial.expectNext(layer, channel, { type: 'test' })
      }
      for (const prefix of ['', 'a!', 'a b', 'x'.repeat(34)]) {
        assert.throws(() => layer.newChannel(prefix), { code: 'invalid_name' })
      }
    },
  ),
]
