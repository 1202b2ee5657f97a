/** Cases: groups. */
import assert from 'node:assert/strict'
import { type ChannelLayerCase, layerCase } from './harness.ts'

export const groupCases: readonly ChannelLayerCase[] = [
  layerCase(['CL-25'], 'a group send reaches every member once, and nobody else', async (trial) => {
    const layer = await trial.layer()
    const members = Array.from({ length: 5 }, () => layer.newChannel())
    const stranger = layer.newChannel()
    for (const member of members) await layer.groupAdd('group', member)
    // The second join renews the membership.
    await layer.groupAdd('group', members[0] as string)
    await layer.groupAdd('other', stranger)
    await layer.groupSend('group', { type: 'test', text: 'hello' })
    for (const member of members) {
      await layer.send(member, { type: 'after' })
      await trial.expectNext(layer, member, { type: 'test', text: 'hello' }, { type: 'after' })
    }
    await layer.send(stranger, { type: 'after' })
    await trial.expectNext(layer, stranger, { type: 'after' })
  }),

  layerCase(['CL-25'], 'a channel may be in many groups', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    for (let n = 0; n < 20; n++) await layer.groupAdd(`group-${n}`, channel)
    for (let n = 0; n < 20; n++) {
      await layer.groupSend(`group-${n}`, { type: 'test', n })
      await trial.expectNext(layer, channel, { type: 'test', n })
    }
  }),

  layerCase(['CL-25'], 'a group send to nobody succeeds and counts nothing', async (trial) => {
    const layer = await trial.layer()
    assert.deepStrictEqual(await layer.groupSend('group', { type: 'test' }), { sent: 0, dropped: 0 })
  }),

  layerCase(
    ['CL-25'],
    'a channel without a ! can be a member',
    async (trial) => {
      const layer = await trial.layer()
      await layer.groupAdd('group', 'work')
      assert.deepStrictEqual(await layer.groupSend('group', { type: 'test' }), { sent: 1, dropped: 0 })
      await trial.expectNext(layer, 'work', { type: 'test' })
    },
    ['named-channels'],
  ),

  layerCase(
    ['CL-26'],
    'a discarded member gets nothing more; the others and what it has stay',
    async (trial) => {
      const layer = await trial.layer()
      const leaver = layer.newChannel()
      const stayer = layer.newChannel()
      for (const channel of [leaver, stayer]) {
        await layer.groupAdd('group', channel)
        await layer.groupAdd('other', channel)
      }
      await layer.groupSend('group', { type: 'first' })
      await layer.groupDiscard('group', leaver)
      await layer.groupSend('group', { type: 'second' })
      await layer.groupSend('other', { type: 'third' })
      await trial.expectNext(layer, leaver, { type: 'first' }, { type: 'third' })
      await trial.expectNext(layer, stayer, { type: 'first' }, { type: 'second' }, { type: 'third' })
    },
  ),

  layerCase(['CL-26'], 'discarding a channel that is no member is no error', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    await layer.groupDiscard('group', channel)
    await layer.groupAdd('group', channel)
    await layer.groupDiscard('group', channel)
    await layer.groupDiscard('group', channel)
    assert.deepStrictEqual(await layer.groupSend('group', { type: 'test' }), { sent: 0, dropped: 0 })
  }),

  layerCase(
    ['CL-27'],
    'a group send skips full channels and counts them',
    async (trial) => {
      const layer = await trial.layer({ capacity: 2 })
      for (const channel of ['full', 'free', 'empty']) await layer.groupAdd('group', channel)
      await layer.send('full', { type: 'first' })
      await layer.send('full', { type: 'second' })
      await layer.send('free', { type: 'first' })
      assert.deepStrictEqual(await layer.groupSend('group', { type: 'test' }), { sent: 2, dropped: 1 })
      assert.deepStrictEqual(await layer.groupSend('group', { type: 'more' }), { sent: 1, dropped: 2 })
      await trial.expectNext(layer, 'full', { type: 'first' }, { type: 'second' })
      await trial.expectNext(layer, 'free', { type: 'first' }, { type: 'test' })
      await trial.expectNext(layer, 'empty', { type: 'test' }, { type: 'more' })
    },
    ['named-channels'],
  ),

  layerCase(
    ['CL-27'],
    'a group send counts the full channels of this process',
    async (trial) => {
      const layer = await trial.layer({ capacity: 1 })
      const full = layer.newChannel()
      const free = layer.newChannel()
      await layer.groupAdd('group', full)
      await layer.groupAdd('group', free)
      await layer.send(full, { type: 'first' })
      assert.deepStrictEqual(await layer.groupSend('group', { type: 'test' }), { sent: 1, dropped: 1 })
      await trial.expectNext(layer, full, { type: 'first' })
      await trial.expectNext(layer, free, { type: 'test' })
    },
    ['sender-sees-capacity'],
  ),

  layerCase(['CL-28'], 'a group of a thousand channels gets twenty messages in order', async (trial) => {
    const layer = await trial.layer()
    const members = Array.from({ length: 1000 }, () => layer.newChannel())
    await Promise.all(members.map((member) => layer.groupAdd('group', member)))
    const text = 'hello '.repeat(20)
    for (let n = 0; n < 20; n++) await layer.groupSend('group', { type: 'test', n, text })
    const receive = async (member: string): Promise<void> => {
      for (let n = 0; n < 20; n++) {
        const message = await trial.receive(layer, member)
        assert.ok(message['n'] === n && message['text'] === text, `message ${n} is next`)
      }
    }
    await trial.soon(Promise.all(members.map(receive)), '20,000 messages')
  }),

  layerCase(
    ['CL-29'],
    'a group has members in several processes',
    async (trial) => {
      const here = await trial.layer()
      const there = await trial.peer(here)
      const places = [here, there].flatMap((layer) =>
        [1, 2, 3].map(() => ({ layer, channel: layer.newChannel() })),
      )
      for (const { layer, channel } of places) await layer.groupAdd('group', channel)
      for (const layer of [here, there]) {
        const { sent, dropped } = await layer.groupSend('group', { type: 'test' })
        assert.ok(sent >= 1 && dropped === 0)
      }
      for (const { layer, channel } of places) {
        // Between the two senders and this third one there is no order (CL-13).
        await trial.expectNext(layer, channel, { type: 'test' }, { type: 'test' })
        await layer.send(channel, { type: 'after' })
        await trial.expectNext(layer, channel, { type: 'after' })
      }
    },
    ['peers'],
  ),

  layerCase(
    ['CL-29'],
    'any process may add and discard the channels of another',
    async (trial) => {
      const here = await trial.layer()
      const there = await trial.peer(here)
      const channel = there.newChannel()
      const witness = there.newChannel()
      await here.groupAdd('group', channel)
      await there.groupAdd('group', witness)
      await here.groupSend('group', { type: 'first' })
      await here.groupDiscard('group', channel)
      await here.groupSend('group', { type: 'second' })
      // The discarded channel has by now what it will ever have; what is sent to it may come by another way.
      await trial.expectNext(there, witness, { type: 'first' }, { type: 'second' })
      await here.send(channel, { type: 'after' })
      await trial.expectNext(there, channel, { type: 'first' }, { type: 'after' })
    },
    ['peers'],
  ),

  layerCase(
    ['CL-35'],
    'a renewal keeps a member, and brings back nobody who was discarded',
    async (trial) => {
      const layer = await trial.layer()
      const [member, other] = [layer.newChannel(), layer.newChannel()]
      assert.equal(await layer.groupRenew('group', member), false)
      for (const channel of [member, other]) await layer.groupAdd('group', channel)
      assert.equal(await layer.groupRenew('group', member), true)
      await layer.groupDiscard('group', member)
      assert.equal(await layer.groupRenew('group', member), false)
      assert.equal(await layer.groupRenew('group', other), true)
      await layer.groupSend('group', { type: 'first' })
      await layer.groupAdd('group', member)
      assert.equal(await layer.groupRenew('group', member), true)
      await layer.groupSend('group', { type: 'second' })
      await trial.expectNext(layer, member, { type: 'second' })
      await trial.expectNext(layer, other, { type: 'first' }, { type: 'second' })
    },
  ),

  layerCase(
    ['CL-35'],
    'a renewal brings back nobody whom another process discarded',
    async (trial) => {
      const here = await trial.layer()
      const there = await trial.peer(here)
      const [member, other] = [there.newChannel(), there.newChannel()]
      for (const channel of [member, other]) await there.groupAdd('group', channel)
      await here.groupDiscard('group', member)
      assert.equal(await there.groupRenew('group', member), false)
      assert.equal(await there.groupRenew('group', other), true)
      await here.groupSend('group', { type: 'first' })
      await trial.expectNext(there, other, { type: 'first' })
      await there.groupAdd('group', member)
      await here.groupSend('group', { type: 'second' })
      await trial.expectNext(there, member, { type: 'second' })
    },
    ['peers'],
  ),
]
