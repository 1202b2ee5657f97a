/** Cases: the end of a channel, of what a layer holds, and of a layer. */
import assert from 'node:assert/strict'
import type { ChannelLayer } from '../../channels/layer.ts'
import { type ChannelLayerCase, layerCase } from './harness.ts'

export const layerLifetimeCases: readonly ChannelLayerCase[] = [
  layerCase(
    ['CL-30'],
    'a released channel is received no more, and what is sent to it is dropped',
    async (trial) => {
      const layer = await trial.layer()
      const channel = layer.newChannel()
      const other = layer.newChannel()
      await layer.send(channel, { type: 'test' })
      layer.release(channel)
      layer.release(channel)
      await trial.expectError('channel_released', () => layer.receive(channel))
      for (let n = 0; n < 200; n++) await layer.send(channel, { type: 'test', n })
      await layer.send(other, { type: 'test' })
      await trial.expectNext(layer, other, { type: 'test' })
    },
  ),

  layerCase(['CL-30'], 'a release ends the receives that wait for the channel', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    const waiting = [trial.receive(layer, channel), trial.receive(layer, channel)]
    const ends = waiting.map((receive) => trial.expectError('channel_released', () => receive))
    layer.release(channel)
    await Promise.all(ends)
  }),

  layerCase(['CL-30'], 'a released channel leaves its groups and is not added again', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    const other = layer.newChannel()
    for (const member of [channel, other]) await layer.groupAdd('group', member)
    layer.release(channel)
    await layer.groupAdd('group', channel)
    await layer.groupSend('group', { type: 'test' })
    await trial.expectNext(layer, other, { type: 'test' })
    await layer.groupDiscard('group', other)
    assert.deepStrictEqual(await layer.groupSend('group', { type: 'test' }), { sent: 0, dropped: 0 })
  }),

  layerCase(
    ['CL-30'],
    'a release of a channel without a ! changes nothing',
    async (trial) => {
      const layer = await trial.layer()
      await layer.send('work', { type: 'test' })
      layer.release('work')
      await trial.expectNext(layer, 'work', { type: 'test' })
    },
    ['named-channels'],
  ),

  layerCase(['CL-31'], 'what is sent to a channel that nobody made is dropped', async (trial) => {
    const layer = await trial.layer()
    const stranger = await trial.layer()
    for (const channel of ['nobody!here', 'nobody!', stranger.newChannel()]) {
      for (let n = 0; n < 10; n++) await layer.send(channel, { type: 'test', n })
      await trial.expectError('channel_released', () => layer.receive(channel))
      layer.release(channel)
    }
  }),

  layerCase(['CL-32'], 'a flush forgets every message and group', async (trial) => {
    const layer = await trial.layer({ capacity: 2 })
    const channel = layer.newChannel()
    await layer.groupAdd('group', channel)
    await layer.send(channel, { type: 'old' })
    await layer.send(channel, { type: 'old' })
    await layer.flush()
    assert.deepStrictEqual(await layer.groupSend('group', { type: 'test' }), { sent: 0, dropped: 0 })
    await layer.send(channel, { type: 'new' })
    await trial.expectNext(layer, channel, { type: 'new' })
    await layer.groupAdd('group', channel)
    await layer.groupSend('group', { type: 'again' })
    await trial.expectNext(layer, channel, { type: 'again' })
  }),

  layerCase(
    ['CL-32'],
    'a flush empties the channels without a !',
    async (trial) => {
      const layer = await trial.layer({ capacity: 1 })
      await layer.send('work', { type: 'old' })
      await layer.flush()
      await layer.send('work', { type: 'new' })
      await trial.expectNext(layer, 'work', { type: 'new' })
    },
    ['named-channels'],
  ),

  layerCase(['CL-32'], 'a receive that waits outlasts a flush', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    const waiting = trial.receive(layer, channel)
    await layer.flush()
    await layer.send(channel, { type: 'test' })
    assert.deepStrictEqual(await trial.soon(waiting, 'the message'), { type: 'test' })
  }),

  layerCase(
    ['CL-32'],
    'a flush reaches every process',
    async (trial) => {
      const here = await trial.layer()
      const there = await trial.peer(here)
      const channel = there.newChannel()
      const witness = there.newChannel()
      await there.groupAdd('group', channel)
      await here.send(channel, { type: 'old' })
      await here.groupSend('group', { type: 'old' })
      await here.flush()
      await there.groupAdd('group', witness)
      await here.groupSend('group', { type: 'test' })
      // The channel has by now what it will ever have; what is sent to it may come by another way.
      await trial.expectNext(there, witness, { type: 'test' })
      await here.send(channel, { type: 'new' })
      await trial.expectNext(there, channel, { type: 'new' })
    },
    ['peers'],
  ),

  layerCase(['CL-33'], 'close ends the receives that wait, and may be repeated', async (trial) => {
    const layer = await trial.layer()
    const waiting = [layer.newChannel(), layer.newChannel()].map((channel) => trial.receive(layer, channel))
    const ends = waiting.map((receive) => trial.expectError('channel_layer_closed', () => receive))
    await trial.soon(layer.close(), 'the end of close')
    await Promise.all(ends)
    await trial.soon(Promise.all([layer.close(), layer.close()]), 'the end of a second close')
  }),

  layerCase(['CL-33'], 'a closed layer refuses every call', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    await layer.send(channel, { type: 'test' })
    await layer.close()
    const calls: ((closed: ChannelLayer) => Promise<unknown>)[] = [
      (closed) => closed.send(channel, { type: 'test' }),
      (closed) => closed.receive(channel),
      (closed) => closed.groupAdd('group', channel),
      (closed) => closed.groupDiscard('group', channel),
      (closed) => closed.groupSend('group', { type: 'test' }),
      (closed) => closed.flush(),
    ]
    for (const call of calls) await trial.expectError('channel_layer_closed', () => call(layer))
    assert.throws(() => layer.newChannel(), { code: 'channel_layer_closed' })
    layer.release(channel)
  }),

  layerCase(
    ['CL-33'],
    'the end of one process leaves the others at work',
    async (trial) => {
      const here = await trial.layer()
      const there = await trial.peer(here)
      const mine = here.newChannel()
      const theirs = there.newChannel()
      await here.groupAdd('group', mine)
      await there.groupAdd('group', theirs)
      await here.close()
      await there.send(mine, { type: 'test' })
      await there.groupSend('group', { type: 'test' })
      await trial.expectNext(there, theirs, { type: 'test' })
    },
    ['peers'],
  ),
]
