/** The loads that go through Redis. */
import type { Group, Load, Variant } from '../harness/load.ts'
import { groupFanOut, layerMessages } from './measure.ts'

const SEED_LAYER = 'channels_redis'
const SEED_STACK = 'Daphne + Channels + Redis'

function messages(senders: number): Load {
  const takes: Variant['takes'] = ({ seconds }) => seconds + 1.5
  return {
    name: `layer-${senders}`,
    title: senders === 1 ? 'messages, one at a time' : `messages, ${senders} at a time`,
    variants: [
      { name: SEED_LAYER, takes, run: (context) => layerMessages(context, 'seed', senders) },
      { name: 'Millrace', takes, run: (context) => layerMessages(context, 'millrace', senders) },
    ],
  }
}

export const layer: Group = {
  name: 'layer',
  title: 'Channel layer on Redis',
  about: `Messages from a channel layer in one process to a channel in another, through one Redis, each side by the
layer's own \`send\` and \`receive\`: \`channels_redis\` in Python, \`redisChannels()\` in Node, in the same format.
*One at a time*: the sender awaits each; *20 at a time*: so many senders in one process do.`,
  ratio: { key: 'cpu', title: 'CPU time per message, sender and receiver together', against: SEED_LAYER },
  columns: [
    { key: 'cpu', title: 'CPU µs per message', digits: 0 },
    { key: 'send', title: 'of the sender', digits: 0 },
    { key: 'receive', title: 'of the receiver', digits: 0 },
    { key: 'perSecond', title: 'messages per second', digits: 0 },
  ],
  loads: [messages(1), messages(20)],
}

function fanOut(sockets: number, rate: number): Load {
  const takes: Variant['takes'] = ({ seconds }) => seconds + Math.min(2, seconds) + 3
  const load = { sockets, rate }
  return {
    name: rate === 0 ? `group-${sockets}` : `group-${sockets}-paced`,
    title: `a group of ${sockets.toLocaleString('en')}, ${rate === 0 ? 'unpaced' : `${rate} a second`}`,
    variants: [
      { name: SEED_STACK, takes, run: (context) => groupFanOut(context, 'seed', load) },
      { name: 'Millrace + Redis', takes, run: (context) => groupFanOut(context, 'millrace', load) },
    ],
  }
}

export const fanOuts: Group = {
  name: 'group',
  title: 'Group fan-out through Redis',
  about: `The tutorial's stack against this project: WebSockets whose consumers have joined one group, and a sender in a
process of its own that sends to it through Redis, the same for both. *Unpaced*: up to 50 messages are sent at
once, and when all have arrived, the next. *20 a second*: one message after the other. Only the server that
holds the sockets is counted, neither Redis nor the sender.`,
  ratio: { key: 'cpu', title: 'Server CPU time per delivered message', against: SEED_STACK },
  columns: [
    { key: 'cpu', title: 'CPU µs per message', digits: 2 },
    { key: 'p50', title: 'p50 ms', digits: 1 },
    { key: 'p99', title: 'p99 ms', digits: 1 },
    { key: 'perSecond', title: 'delivered per second', digits: 0 },
    { key: 'core', title: 'of the core', digits: 2 },
  ],
  loads: [fanOut(1, 0), fanOut(10, 0), fanOut(100, 0), fanOut(1000, 0), fanOut(100, 20)],
}
