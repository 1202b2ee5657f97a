/** Cases: how long messages and memberships last. */
import assert from 'node:assert/strict'
import { type ChannelLayerCase, layerCase } from './harness.ts'

export const messageExpiryCases: readonly ChannelLayerCase[] = [
  layerCase(['CL-21'], 'a layer says how long it keeps messages and memberships', async (trial) => {
    const usual = await trial.layer()
    assert.deepStrictEqual([usual.expiry, usual.groupExpiry], [60, 86_400])
    const told = await trial.layer({ expiry: 5, groupExpiry: 500 })
    assert.deepStrictEqual([told.expiry, told.groupExpiry], [5, 500])
  }),

  layerCase(['CL-22'], 'a message is not delivered once it is as old as expiry', async (trial) => {
    await trial.withinTime(trial.shortTime * 2, async () => {
      const layer = await trial.layer({ expiry: trial.shortTime })
      const channel = layer.newChannel()
      await layer.groupAdd('group', channel)
      await layer.send(channel, { type: 'old' })
      await layer.groupSend('group', { type: 'old' })
      await trial.elapse(trial.shortTime)
      await layer.send(channel, { type: 'new' })
      await trial.expectNext(layer, channel, { type: 'new' })
    })
  }),

  layerCase(
    ['CL-22'],
    'messages of a channel without a ! expire one by one',
    async (trial) => {
      await trial.withinTime(trial.shortTime * 1.6, async () => {
        const layer = await trial.layer({ expiry: trial.shortTime })
        await layer.send('work', { type: 'old' })
        await trial.elapse(trial.shortTime * 0.6)
        await layer.send('work', { type: 'new' })
        await trial.elapse(trial.shortTime * 0.6)
        await trial.expectNext(layer, 'work', { type: 'new' })
      })
    },
    ['named-channels'],
  ),

  layerCase(['CL-22'], 'a message is delivered while it is younger than expiry', async (trial) => {
    await trial.withinTime(trial.shortTime, async () => {
      const layer = await trial.layer({ expiry: trial.shortTime })
      const channel = layer.newChannel()
      await layer.send(channel, { type: 'test' })
      await trial.elapse(trial.shortTime / 2)
      await trial.expectNext(layer, channel, { type: 'test' })
    })
  }),

  layerCase(['CL-22'], 'a receiver may wait longer than messages are kept', async (trial) => {
    const layer = await trial.layer({ expiry: trial.shortTime })
    const channel = layer.newChannel()
    const waiting = trial.receive(layer, channel)
    await trial.elapse(trial.shortTime * 1.5)
    await layer.send(channel, { type: 'test' })
    assert.deepStrictEqual(await trial.soon(waiting, 'the message'), { type: 'test' })
  }),

  layerCase(['CL-23'], 'a group forgets a channel groupExpiry after it was added', async (trial) => {
    const layer = await trial.layer({ groupExpiry: trial.shortTime })
    const channel = layer.newChannel()
    await layer.groupAdd('group', channel)
    await trial.elapse(trial.shortTime)
    assert.deepStrictEqual(await layer.groupSend('group', { type: 'old' }), { sent: 0, dropped: 0 })
    await layer.send(channel, { type: 'after' })
    await trial.expectNext(layer, channel, { type: 'after' })
    await trial.withinTime(trial.shortTime, async () => {
      await layer.groupAdd('group', channel)
      await layer.groupSend('group', { type: 'again' })
      await trial.expectNext(layer, channel, { type: 'again' })
    })
  }),

  layerCase(['CL-24'], 'a channel that is added again stays for another groupExpiry', async (trial) => {
    await trial.withinTime(trial.shortTime * 1.6, async () => {
      const layer = await trial.layer({ groupExpiry: trial.shortTime })
      const renewed = layer.newChannel()
      const forgotten = layer.newChannel()
      await layer.groupAdd('group', renewed)
      await layer.groupAdd('group', forgotten)
      await trial.elapse(trial.shortTime * 0.6)
      await layer.groupAdd('group', renewed)
      await trial.elapse(trial.shortTime * 0.6)
      await layer.groupSend('group', { type: 'test' })
      await trial.expectNext(layer, renewed, { type: 'test' })
      await layer.send(forgotten, { type: 'after' })
      await trial.expectNext(layer, forgotten, { type: 'after' })
    })
  }),
]
