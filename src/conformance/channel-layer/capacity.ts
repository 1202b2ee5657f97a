/** Cases: how much a channel holds. */
import assert from 'node:assert/strict'
import { isChannelError } from '../../channels/errors.ts'
import type { ChannelLayer, ChannelMessage } from '../../channels/layer.ts'
import { type ChannelLayerCase, layerCase, type LayerTrial } from './harness.ts'

/** Sends until the channel is full; returns how many messages it accepted. */
async function fill(trial: LayerTrial, layer: ChannelLayer, channel: string): Promise<number> {
  for (let n = 0; ; n++) {
    try {
      await trial.soon(layer.send(channel, { type: 'test', n }), 'the end of the send')
    } catch (error) {
      assert.ok(
        isChannelError(error, 'channel_full'),
        `a full channel refuses with channel_full, not ${String(error)}`,
      )
      assert.equal(error.channel, channel)
      return n
    }
    assert.ok(n < 1000, 'a channel is full at some point')
  }
}

/** Sends a message, and ignores that the channel is full. */
async function push(layer: ChannelLayer, channel: string, message: ChannelMessage): Promise<void> {
  try {
    await layer.send(channel, message)
  } catch (error) {
    if (!isChannelError(error, 'channel_full')) throw error
  }
}

export const capacityCases: readonly ChannelLayerCase[] = [
  layerCase(
    ['CL-17'],
    'a full channel refuses a send with channel_full and keeps what it holds',
    async (trial) => {
      const layer = await trial.layer({ capacity: 3 })
      assert.equal(await fill(trial, layer, 'work'), 3)
      await trial.expectError('channel_full', () => layer.send('work', { type: 'more' }))
      await trial.expectNext(layer, 'work', ...[0, 1, 2].map((n) => ({ type: 'test', n })))
      await layer.send('work', { type: 'after' })
      await trial.expectNext(layer, 'work', { type: 'after' })
    },
    ['named-channels'],
  ),

  layerCase(
    ['CL-17'],
    'a full channel of this process refuses a send with channel_full',
    async (trial) => {
      const layer = await trial.layer({ capacity: 3 })
      const channel = layer.newChannel()
      assert.equal(await fill(trial, layer, channel), 3)
      await trial.expectNext(layer, channel, { type: 'test', n: 0 })
    },
    ['sender-sees-capacity'],
  ),

  layerCase(['CL-17'], 'what is sent beyond the capacity is what is missing', async (trial) => {
    const layer = await trial.layer({ capacity: 3 })
    const channel = layer.newChannel()
    for (let n = 0; n < 9; n++) await push(layer, channel, { type: 'test', n })
    await trial.expectNext(layer, channel, ...[0, 1, 2].map((n) => ({ type: 'test', n })))
    await layer.send(channel, { type: 'after' })
    await trial.expectNext(layer, channel, { type: 'after' })
  }),

  layerCase(
    ['CL-17'],
    'the capacity is 100 messages unless told otherwise',
    async (trial) => assert.equal(await fill(trial, await trial.layer(), 'work'), 100),
    ['named-channels'],
  ),

  layerCase(['CL-18'], 'a full channel takes no room from another of its process', async (trial) => {
    const layer = await trial.layer({ capacity: 5 })
    const full = layer.newChannel()
    const free = layer.newChannel()
    for (let n = 0; n < 20; n++) await push(layer, full, { type: 'test', n })
    const messages = [0, 1, 2, 3, 4].map((n) => ({ type: 'test', n }))
    for (const message of messages) await layer.send(free, message)
    await trial.expectNext(layer, free, ...messages)
  }),

  layerCase(
    ['CL-19'],
    'a pattern gives the channels that match another capacity; the first match decides',
    async (trial) => {
      const byGlob = await trial.layer({
        capacity: 2,
        channelCapacity: { 'work.?': 3, 'work.[ab]*': 4, 'work*': 5 },
      })
      for (const [channel, capacity] of Object.entries({
        'work.a': 3,
        'work.aa': 4,
        'work.c1': 5,
        'my-work': 2,
      })) {
        assert.equal(await fill(trial, byGlob, channel), capacity, channel)
      }
      const byExpression = await trial.layer({
        capacity: 2,
        channelCapacity: [
          [/^log\.\d+$/g, 4],
          ['log.*', 3],
        ],
      })
      for (const [channel, capacity] of Object.entries({
        'log.1': 4,
        'log.22': 4,
        'log.x': 3,
        'a.log.1': 2,
      })) {
        assert.equal(await fill(trial, byExpression, channel), capacity, channel)
      }
    },
    ['named-channels'],
  ),

  layerCase(
    ['CL-20'],
    'a received message makes room for one more',
    async (trial) => {
      const layer = await trial.layer({ capacity: 2 })
      await fill(trial, layer, 'work')
      for (let n = 2; n < 10; n++) {
        await trial.expectNext(layer, 'work', { type: 'test', n: n - 2 })
        await layer.send('work', { type: 'test', n })
        await trial.expectError('channel_full', () => layer.send('work', { type: 'more' }))
      }
    },
    ['named-channels'],
  ),

  layerCase(
    ['CL-20'],
    'an expired message makes room',
    async (trial) => {
      await trial.withinTime(trial.shortTime * 1.5, async () => {
        const layer = await trial.layer({ capacity: 2, expiry: trial.shortTime })
        assert.equal(await fill(trial, layer, 'work'), 2)
        await trial.elapse(trial.shortTime)
        await layer.send('work', { type: 'after' })
        await trial.expectNext(layer, 'work', { type: 'after' })
      })
    },
    ['named-channels'],
  ),
]
