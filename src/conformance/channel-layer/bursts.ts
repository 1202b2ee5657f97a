/** Cases: many messages at once. */
import assert from 'node:assert/strict'
import type { ChannelLayer, ChannelMessage } from '../../channels/layer.ts'
import { type ChannelLayerCase, layerCase, type LayerTrial } from './harness.ts'

const MANY = 1000
/** Messages sent at once; fewer than a channel holds. */
const TOGETHER = 40

/** Receives this many messages, each as soon as it can, and returns their numbers. */
async function takeAll(trial: LayerTrial, layer: ChannelLayer, channel: string): Promise<unknown[]> {
  const numbers: unknown[] = []
  while (numbers.length < MANY) numbers.push((await trial.receive(layer, channel))['n'])
  return numbers
}

const inOrder: readonly number[] = Array.from({ length: MANY }, (_, n) => n)
const numbered: readonly ChannelMessage[] = inOrder.map((n) => ({ type: 'test', n }))

export const burstCases: readonly ChannelLayerCase[] = [
  layerCase(
    ['CL-34'],
    'awaiting each of a thousand group sends leaves nobody out who receives',
    async (trial) => {
      const layer = await trial.layer()
      const members = Array.from({ length: 3 }, () => layer.newChannel())
      for (const member of members) await layer.groupAdd('group', member)
      const taking = trial.hold(Promise.all(members.map((member) => takeAll(trial, layer, member))))
      for (const message of numbered) {
        assert.equal((await layer.groupSend('group', message)).dropped, 0)
      }
      for (const numbers of await trial.soon(taking, '3,000 messages'))
        assert.deepStrictEqual(numbers, inOrder)
    },
  ),

  layerCase(
    ['CL-34'],
    'awaiting each of a thousand sends finds room where somebody receives',
    async (trial) => {
      const layer = await trial.layer()
      const channel = layer.newChannel()
      const taking = trial.hold(takeAll(trial, layer, channel))
      for (const message of numbered) await layer.send(channel, message)
      assert.deepStrictEqual(await trial.soon(taking, '1,000 messages'), inOrder)
    },
  ),

  layerCase(
    ['CL-34'],
    'a burst of another process reaches those who receive',
    async (trial) => {
      const here = await trial.layer()
      const there = await trial.peer(here)
      const members = [there.newChannel(), there.newChannel()]
      for (const member of members) await there.groupAdd('group', member)
      const taking = trial.hold(Promise.all(members.map((member) => takeAll(trial, there, member))))
      for (let n = 0; n < MANY; n += TOGETHER) {
        const some = numbered.slice(n, n + TOGETHER)
        await Promise.all(some.map((message) => here.groupSend('group', message)))
      }
      for (const numbers of await trial.soon(taking, '2,000 messages')) {
        assert.deepStrictEqual(new Set(numbers), new Set(inOrder))
      }
    },
    ['peers'],
  ),

  layerCase(
    ['CL-34'],
    'one who is stuck costs the others nothing of a burst, and is counted',
    async (trial) => {
      const layer = await trial.layer({ capacity: 10 })
      const stuck = layer.newChannel()
      const quick = layer.newChannel()
      for (const member of [stuck, quick]) await layer.groupAdd('group', member)
      const taking = trial.hold(takeAll(trial, layer, quick))
      let dropped = 0
      for (const message of numbered) dropped += (await layer.groupSend('group', message)).dropped
      assert.deepStrictEqual(await trial.soon(taking, '1,000 messages'), inOrder)
      assert.equal(dropped, MANY - 10)
    },
    ['sender-sees-capacity'],
  ),
]
