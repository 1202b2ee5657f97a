/** Cases: how messages get from senders to receivers. */
import assert from 'node:assert/strict'
import type { ChannelMessage } from '../../channels/layer.ts'
import { type ChannelLayerCase, layerCase } from './harness.ts'

function numbered(count: number): ChannelMessage[] {
  return Array.from({ length: count }, (_, n) => ({ type: 'test', n }))
}

function numbersOf(messages: readonly ChannelMessage[]): number[] {
  return messages.map((message) => message['n'] as number)
}

export const deliveryCases: readonly ChannelLayerCase[] = [
  layerCase(['CL-11'], 'a message reaches a receiver that waits for it', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    const waiting = trial.receive(layer, channel)
    await layer.send(channel, { type: 'test', text: 'hello' })
    assert.deepStrictEqual(await trial.soon(waiting, 'the message'), { type: 'test', text: 'hello' })
  }),

  layerCase(['CL-11'], 'a send does not wait for a receiver, and its message does', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    await trial.soon(layer.send(channel, { type: 'test', text: 'hello' }), 'the end of the send')
    await trial.expectNext(layer, channel, { type: 'test', text: 'hello' })
  }),

  layerCase(['CL-11'], 'a message reaches the channel it was sent to and no other', async (trial) => {
    const layer = await trial.layer()
    const channels = Array.from({ length: 5 }, () => layer.newChannel())
    for (const [n, channel] of channels.entries()) await layer.send(channel, { type: 'test', n })
    for (const [n, channel] of channels.entries()) {
      await layer.send(channel, { type: 'after' })
      await trial.expectNext(layer, channel, { type: 'test', n }, { type: 'after' })
    }
  }),

  layerCase(['CL-12'], 'receivers of one channel each get a message of their own', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    const waiting = Array.from({ length: 10 }, () => trial.receive(layer, channel))
    const messages = numbered(20)
    for (const message of messages) await layer.send(channel, message)
    const late = Array.from({ length: 10 }, () => trial.receive(layer, channel))
    const received = await trial.soon(Promise.all([...waiting, ...late]), '20 messages')
    assert.deepStrictEqual(new Set(numbersOf(received)), new Set(numbersOf(messages)))
    await layer.send(channel, { type: 'after' })
    await trial.expectNext(layer, channel, { type: 'after' })
  }),

  layerCase(['CL-13'], 'messages of one sender arrive in the order of its sends', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    const messages = numbered(100)
    for (const message of messages) await layer.send(channel, message)
    await trial.expectNext(layer, channel, ...messages)
  }),

  layerCase(['CL-13'], 'sends that are not awaited one by one keep their order', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    const messages = numbered(100)
    await Promise.all(messages.map((message) => layer.send(channel, message)))
    await trial.expectNext(layer, channel, ...messages)
  }),

  layerCase(['CL-13'], 'sends to a channel and to its group keep their order', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    await layer.groupAdd('group', channel)
    const messages = numbered(100)
    for (const [n, message] of messages.entries()) {
      if (n % 3 === 0) await layer.groupSend('group', message)
      else await layer.send(channel, message)
    }
    await trial.expectNext(layer, channel, ...messages)
  }),

  layerCase(
    ['CL-13'],
    'sends to a channel of another process and to its groups keep their order',
    async (trial) => {
      const here = await trial.layer()
      const there = await trial.peer(here)
      const channel = there.newChannel()
      for (const group of ['one', 'two']) await there.groupAdd(group, channel)
      const messages = numbered(90)
      for (const [n, message] of messages.entries()) {
        if (n % 3 === 0) await here.send(channel, message)
        else await here.groupSend(n % 3 === 1 ? 'one' : 'two', message)
      }
      await trial.expectNext(there, channel, ...messages)
    },
    ['peers', 'group-order'],
  ),

  layerCase(['CL-14'], 'receivers of one channel are served in the order they came', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    const waiting = Array.from({ length: 10 }, () => trial.receive(layer, channel))
    const messages = numbered(10)
    for (const message of messages) await layer.send(channel, message)
    const received = await trial.soon(Promise.all(waiting), '10 messages')
    assert.deepStrictEqual(numbersOf(received), numbersOf(messages))
  }),

  layerCase(['CL-15'], 'a receive that waits ends with the reason of its signal', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    const controller = new AbortController()
    const reason = new Error('the connection ended')
    const aborted = trial.receive(layer, channel, controller.signal).catch((error: unknown) => error)
    const waiting = trial.receive(layer, channel)
    controller.abort(reason)
    assert.equal(await trial.soon(aborted, 'the end of the receive'), reason)
    await layer.send(channel, { type: 'test' })
    assert.deepStrictEqual(await trial.soon(waiting, 'a message for the other receiver'), { type: 'test' })
  }),

  layerCase(['CL-15'], 'a receive with an aborted signal takes nothing', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    const reason = new Error('too late')
    await layer.send(channel, { type: 'test' })
    const aborted = trial.receive(layer, channel, AbortSignal.abort(reason)).catch((error: unknown) => error)
    assert.equal(await trial.soon(aborted, 'the end of the receive'), reason)
    await trial.expectNext(layer, channel, { type: 'test' })
  }),

  layerCase(['CL-15'], 'an abort that meets a message loses nothing', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    for (let n = 0; n < 200; n++) {
      const controller = new AbortController()
      const receiving = trial.receive(layer, channel, controller.signal).catch(() => undefined)
      const sending = layer.send(channel, { type: 'test', n })
      // From before the send took effect to after the receiver was told.
      for (let turn = 0; turn < n % 5; turn++) await Promise.resolve()
      if (n % 7 === 0) await sending
      controller.abort()
      await sending
      const received = await trial.soon(receiving, 'the end of the receive')
      assert.deepStrictEqual(received ?? (await trial.next(layer, channel)), { type: 'test', n })
    }
  }),

  layerCase(['CL-15'], 'a message sent while a signal aborts goes to the next receiver', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    const controller = new AbortController()
    let sent: Promise<void> | undefined
    controller.signal.addEventListener('abort', () => {
      sent = layer.send(channel, { type: 'test' })
    })
    const aborted = trial.receive(layer, channel, controller.signal).then(
      () => 'received',
      () => 'aborted',
    )
    const waiting = trial.receive(layer, channel)
    controller.abort()
    await sent
    assert.equal(await trial.soon(aborted, 'the end of the receive'), 'aborted')
    assert.deepStrictEqual(await trial.soon(waiting, 'the message'), { type: 'test' })
  }),

  layerCase(
    ['CL-16'],
    'a message reaches the process that made its channel',
    async (trial) => {
      const here = await trial.layer()
      const there = await trial.peer(here)
      const channel = there.newChannel()
      const messages = numbered(50)
      for (const message of messages) await here.send(channel, message)
      await trial.expectNext(there, channel, ...messages)
      await trial.expectError('channel_released', () => here.receive(channel))
    },
    ['peers'],
  ),

  layerCase(
    ['CL-16'],
    'a channel without a ! is shared: each message reaches one process',
    async (trial) => {
      const here = await trial.layer()
      const there = await trial.peer(here)
      const waiting = [here, there].flatMap((layer) =>
        Array.from({ length: 5 }, () => trial.receive(layer, 'work')),
      )
      const messages = numbered(10)
      for (const message of messages) await here.send('work', message)
      const received = await trial.soon(Promise.all(waiting), '10 messages')
      assert.deepStrictEqual(new Set(numbersOf(received)), new Set(numbersOf(messages)))
    },
    ['peers', 'named-channels'],
  ),
]
