/** Cases: what a message can carry, what is refused, and that each receiver gets its own copy. */
import assert from 'node:assert/strict'
import type { ChannelMessage, ChannelValue } from '../../channels/layer.ts'
import { type ChannelLayerCase, layerCase, type LayerTrial } from './harness.ts'

/** Sends a message to a channel and to a group; returns what each delivered. */
async function carried(trial: LayerTrial, message: ChannelMessage): Promise<ChannelMessage[]> {
  const layer = await trial.layer()
  const channel = layer.newChannel()
  await layer.groupAdd('group', channel)
  await layer.send(channel, message)
  await layer.groupSend('group', message)
  return [await trial.next(layer, channel), await trial.next(layer, channel)]
}

async function expectCarried(
  trial: LayerTrial,
  value: ChannelValue,
  as: ChannelValue = value,
): Promise<void> {
  for (const message of await carried(trial, { type: 'test', value })) {
    assert.deepStrictEqual(message, { type: 'test', value: as })
  }
}

/** A value that no type allows, as from a JavaScript caller or a cast. */
function wrong(value: unknown): ChannelMessage {
  return value as ChannelMessage
}

function nested(levels: number): ChannelValue {
  let value: ChannelValue = []
  for (let level = 1; level < levels; level++) value = [value]
  return value
}

export const messageCases: readonly ChannelLayerCase[] = [
  layerCase(['CL-4'], 'a message is an object with a type', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    for (const message of [null, undefined, 'text', 7, [], [{ type: 'test' }], new Map(), () => 0]) {
      await trial.expectError('invalid_message', () => layer.send(channel, wrong(message)))
      await trial.expectError('invalid_message', () => layer.groupSend('group', wrong(message)))
    }
    for (const message of [
      {},
      { type: '' },
      { type: 7 },
      { type: null },
      { type: undefined },
      { type: ['test'] },
    ]) {
      await trial.expectError('invalid_message', () => layer.send(channel, wrong(message)))
      await trial.expectError('invalid_message', () => layer.groupSend('group', wrong(message)))
    }
  }),

  layerCase(['CL-4'], 'a member that the layer uses itself is refused', async (trial) => {
    const layer = await trial.layer()
    const message = { type: 'test', __asgi_channel__: 'other' }
    await trial.expectError('invalid_message', () => layer.send(layer.newChannel(), message))
    await trial.expectError('invalid_message', () => layer.groupSend('group', message))
  }),

  layerCase(['CL-5'], 'what JSON carries arrives as it was sent', async (trial) => {
    await expectCarried(trial, {
      nothing: null,
      yes: true,
      no: false,
      integers: [0, 1, -1, 127, 128, 255, 256, -129, 2 ** 31, 2 ** 32, 2 ** 32 + 1, -(2 ** 33)],
      safe: [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
      floats: [0.1, -1.5, 1e300, 5e-324, Number.MAX_VALUE, 2 ** 53, 2 ** 64, 1e21],
      text: ['', 'plain', 'a\u0000b', '\u00e9\u4e2d\u6587', '\ud83d\ude00', '\u2028', '"\\\n'],
      empty: [[], {}, [[]], [{}]],
      nested: { a: [{ b: { c: [1, [2, [3]]] } }] },
      keys: { '': 1, 'a b': 2, '\ud83d\ude00': 3, 7: 4, constructor: 5, type: 6, toString: 7 },
    })
  }),

  layerCase(['CL-5'], 'a member that is undefined is left out, and -0 becomes 0', async (trial) => {
    const messages = await carried(trial, {
      type: 'test',
      absent: undefined,
      zero: -0,
      in: { absent: undefined, x: 1 },
    })
    for (const message of messages) assert.deepStrictEqual(message, { type: 'test', zero: 0, in: { x: 1 } })
  }),

  layerCase(
    ['CL-6'],
    'bytes arrive as a Uint8Array of their own',
    async (trial) => {
      const all = Uint8Array.from({ length: 256 }, (_, i) => i)
      await expectCarried(trial, [all, new Uint8Array(0), { deep: all }])
      await expectCarried(trial, Buffer.from([1, 2, 255]), new Uint8Array([1, 2, 255]))
      await expectCarried(trial, all.subarray(3, 5), new Uint8Array([3, 4]))

      const layer = await trial.layer()
      const channel = layer.newChannel()
      const bytes = new Uint8Array([1, 2])
      const sent = layer.send(channel, { type: 'test', bytes })
      bytes[0] = 9
      await sent
      await trial.expectNext(layer, channel, { type: 'test', bytes: new Uint8Array([1, 2]) })
    },
    ['bytes-and-big-integers'],
  ),

  layerCase(
    ['CL-6'],
    'bigints of 64 bits arrive exactly, as numbers where numbers can hold them',
    async (trial) => {
      await expectCarried(trial, [
        2n ** 53n,
        -(2n ** 53n),
        2n ** 63n - 1n,
        -(2n ** 63n),
        2n ** 63n,
        2n ** 64n - 1n,
      ])
      await expectCarried(trial, [0n, 5n, -5n, 2n ** 53n - 1n], [0, 5, -5, 2 ** 53 - 1])
    },
    ['bytes-and-big-integers'],
  ),

  layerCase(
    ['CL-6'],
    'NaN and the infinities arrive as they are',
    (trial) => expectCarried(trial, [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]),
    ['bytes-and-big-integers'],
  ),

  layerCase(['CL-7'], 'half an emoji arrives as U+FFFD, in text and in the type', async (trial) => {
    await expectCarried(trial, ['a\ud83d', '\ude00b', '\ud83d\ude00'], ['a\ufffd', '\ufffdb', '\ud83d\ude00'])
    for (const message of await carried(trial, { type: 'test\ud83d' })) {
      assert.deepStrictEqual(message, { type: 'test\ufffd' })
    }
  }),

  layerCase(['CL-8'], 'what cannot be carried is refused, and nothing of it is sent', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    await layer.groupAdd('group', channel)
    const cycle: unknown[] = []
    cycle.push(cycle, cycle)
    const sparse = [1]
    sparse.length = 2
    const values: unknown[] = [
      () => 0,
      Symbol('symbol'),
      [undefined],
      sparse,
      new Date(0),
      new Map(),
      new Set(),
      /x/,
      new Error('x'),
      new Uint16Array(1),
      new ArrayBuffer(1),
      new DataView(new ArrayBuffer(1)),
      new (class Point {})(),
      Promise.resolve(),
      2n ** 64n,
      -(2n ** 63n) - 1n,
      JSON.parse('{"__proto__":{"admin":true}}'),
      { 'half\ud83d': 1 },
      cycle,
    ]
    for (const value of values) {
      await trial.expectError('invalid_message', () => layer.send(channel, wrong({ type: 'test', value })))
      await trial.expectError('invalid_message', () =>
        layer.groupSend('group', wrong({ type: 'test', a: [{ value }] })),
      )
    }
    await layer.send(channel, { type: 'after' })
    await trial.expectNext(layer, channel, { type: 'after' })
  }),

  layerCase(['CL-9'], 'a message of 1 MiB and one of 100 levels are carried', async (trial) => {
    await expectCarried(trial, 'x'.repeat(2 ** 20))
    // The message itself is the first level.
    await expectCarried(trial, nested(99))
  }),

  layerCase(['CL-9'], 'a message of 101 levels or a million is refused', async (trial) => {
    const layer = await trial.layer()
    for (const levels of [100, 1_000_000]) {
      const message = { type: 'test', value: nested(levels) }
      await trial.expectError('invalid_message', () => layer.send(layer.newChannel(), message))
      await trial.expectError('invalid_message', () => layer.groupSend('group', message))
    }
  }),

  layerCase(['CL-10'], 'a change to a message after it was sent reaches nobody', async (trial) => {
    const layer = await trial.layer()
    const channel = layer.newChannel()
    await layer.groupAdd('group', channel)
    const message = { type: 'test', list: [1], inner: { x: 1 } }
    const waiting = trial.receive(layer, channel)
    const sends = [
      layer.send(channel, message),
      layer.send(channel, message),
      layer.groupSend('group', message),
    ]
    message.type = 'changed'
    message.list.push(2)
    message.inner.x = 2
    await Promise.all(sends)
    const received = [await trial.soon(waiting, 'a message')]
    received.push(await trial.next(layer, channel), await trial.next(layer, channel))
    for (const one of received) assert.deepStrictEqual(one, { type: 'test', list: [1], inner: { x: 1 } })
  }),

  layerCase(['CL-10'], 'a change to a received message reaches no other receiver', async (trial) => {
    const layer = await trial.layer()
    const channels = [layer.newChannel(), layer.newChannel(), layer.newChannel()]
    for (const channel of channels) await layer.groupAdd('group', channel)
    const waiting = trial.receive(layer, channels[0] as string)
    await layer.groupSend('group', { type: 'test', list: [1], inner: { x: 1 } })
    const received = [await trial.soon(waiting, 'a message')]
    for (const channel of channels.slice(1)) {
      const before = received.at(-1) as unknown as { type: string; list: number[]; inner: { x: number } }
      before.type = 'changed'
      before.list.push(2)
      before.inner.x = 2
      const message = await trial.next(layer, channel)
      assert.deepStrictEqual(message, { type: 'test', list: [1], inner: { x: 1 } })
      received.push(message)
    }
  }),
]
