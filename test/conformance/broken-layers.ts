/** Channel layers that break one rule each, to see whether the suite notices. */
import type { ChannelLayer, ChannelMessage } from '../../src/channels/layer.ts'

/** Each breaks one rule, and at least one case of that rule must notice. */
export const BROKEN: readonly [rule: string, what: string, (layer: ChannelLayer) => Partial<ChannelLayer>][] =
  [
    [
      'CL-1',
      'takes any channel name',
      (layer) => ({ send: (channel, message) => layer.send(mended(channel), message) }),
    ],
    [
      'CL-2',
      'takes any group name',
      (layer) => ({ groupSend: (group, message) => layer.groupSend(mended(group), message) }),
    ],
    ['CL-3', 'gives everybody the same channel', (layer) => oneName(layer)],
    [
      'CL-4',
      'takes a message without a type',
      (layer) => ({ send: (c, m) => layer.send(c, { ...m, type: m?.type || 'x' }) }),
    ],
    [
      'CL-5',
      'carries numbers as text',
      (layer) => received(layer, (value) => (typeof value === 'number' ? `${value}` : value)),
    ],
    [
      'CL-6',
      'carries bytes as a list',
      (layer) => received(layer, (value) => (value instanceof Uint8Array ? [...value] : value)),
    ],
    [
      'CL-6',
      'rounds bigints',
      (layer) => received(layer, (value) => (typeof value === 'bigint' ? Number(value) : value)),
    ],
    [
      'CL-7',
      'carries half an emoji',
      (layer) => received(layer, (value) => (value === 'a\ufffd' ? 'a\ud83d' : value)),
    ],
    [
      'CL-8',
      'drops what it cannot carry',
      (layer) => ({
        send: (c, m) => layer.send(c, m).catch((error: unknown) => allow(error, 'invalid_message')),
      }),
    ],
    [
      'CL-9',
      'cuts long text',
      (layer) => received(layer, (value) => (typeof value === 'string' ? value.slice(0, 65_536) : value)),
    ],
    [
      'CL-10',
      'copies on the next turn',
      (layer) => ({ send: (c, m) => Promise.resolve().then(() => layer.send(c, m)) }),
    ],
    ['CL-10', 'gives each member the same object', (layer) => sameObject(layer)],
    ['CL-11', 'delivers to the wrong channel', (layer) => wrongChannel(layer)],
    [
      'CL-12',
      'delivers twice',
      (layer) => ({ send: (c, m) => layer.send(c, m).then(() => layer.send(c, m)) }),
    ],
    ['CL-13', 'lets every third send overtake', (layer) => overtaking(layer)],
    ['CL-14', 'serves the last receiver first', (layer) => lastFirst(layer)],
    [
      'CL-15',
      'takes a message for an aborted signal',
      (layer) => ({ receive: async (c, signal) => lateAbort(await layer.receive(c), signal) }),
    ],
    [
      'CL-15',
      'loses what arrives with an abort',
      (layer) => ({ receive: async (c, signal) => lateAbort(await layer.receive(c, signal), signal) }),
    ],
    [
      'CL-15',
      'makes up a reason',
      (layer) => ({ receive: (c, signal) => layer.receive(c, signal).catch(madeUp) }),
    ],
    [
      'CL-17',
      'drops instead of refusing',
      (layer) => ({
        send: (c, m) => layer.send(c, m).catch((error: unknown) => allow(error, 'channel_full')),
      }),
    ],
    ['CL-18', 'counts the whole process', (layer) => countsTogether(layer, 8)],
    ['CL-21', 'does not say its expiry', () => ({ expiry: 0 })],
    ['CL-25', 'forgets its groups', () => ({ groupAdd: async () => {} })],
    [
      'CL-25',
      'sends to members twice',
      (layer) => ({ groupSend: (g, m) => layer.groupSend(g, m).then(() => layer.groupSend(g, m)) }),
    ],
    ['CL-26', 'does not discard', () => ({ groupDiscard: async () => {} })],
    [
      'CL-27',
      'does not count',
      (layer) => ({ groupSend: async (g, m) => ({ sent: (await layer.groupSend(g, m)).sent, dropped: 0 }) }),
    ],
    ['CL-28', 'gives up on large groups', (layer) => smallGroups(layer)],
    ['CL-30', 'does not release', () => ({ release() {} })],
    [
      'CL-31',
      'refuses what nobody receives',
      (layer) => ({
        send: (c, m) => (c.startsWith('nobody') ? Promise.reject(new Error('nobody')) : layer.send(c, m)),
      }),
    ],
    ['CL-32', 'does not flush', () => ({ flush: async () => {} })],
    ['CL-33', 'does not close', () => ({ close: async () => {} })],
    [
      'CL-35',
      'joins again whom it should renew',
      (layer) => ({ groupRenew: async (g, c) => layer.groupAdd(g, c).then(() => true) }),
    ],
  ]

/** Each breaks one rule between processes, and at least one case for peers must notice. */
export const BROKEN_BETWEEN_PROCESSES: typeof BROKEN = [
  ['CL-13', 'lets what follows overtake a group send', (layer) => lateGroups(layer)],
  ['CL-29', 'adds only channels of its own', (layer) => onlyOwn(layer, 'groupAdd')],
  ['CL-29', 'discards only channels of its own', (layer) => onlyOwn(layer, 'groupDiscard')],
  ['CL-32', 'does not flush', () => ({ flush: async () => {} })],
  [
    'CL-35',
    'joins again whom it should renew',
    (layer) => ({ groupRenew: async (g, c) => layer.groupAdd(g, c).then(() => true) }),
  ],
]

/** The layer with some members replaced. */
export function breaking(layer: ChannelLayer, faults: Partial<ChannelLayer>): ChannelLayer {
  return {
    expiry: layer.expiry,
    groupExpiry: layer.groupExpiry,
    send: (channel, message) => layer.send(channel, message),
    receive: (channel, signal) => layer.receive(channel, signal),
    newChannel: (prefix) => layer.newChannel(prefix),
    release: (channel) => layer.release(channel),
    groupAdd: (group, channel) => layer.groupAdd(group, channel),
    groupRenew: (group, channel) => layer.groupRenew(group, channel),
    groupDiscard: (group, channel) => layer.groupDiscard(group, channel),
    groupSend: (group, message) => layer.groupSend(group, message),
    flush: () => layer.flush(),
    close: () => layer.close(),
    ...faults,
  }
}

function mended(name: string): string {
  return name.replace(/[^\w.\-!]/g, '_').slice(0, 99) || '_'
}

async function allow(error: unknown, code: string): Promise<void> {
  if (!(error instanceof Error && 'code' in error && error.code === code)) throw error
}

function madeUp(): never {
  throw new Error('aborted')
}

function lateAbort(message: ChannelMessage, signal: AbortSignal | undefined): ChannelMessage {
  signal?.throwIfAborted()
  return message
}

/** Changes what is received, at every depth. */
function received(layer: ChannelLayer, change: (value: unknown) => unknown): Partial<ChannelLayer> {
  const walk = (value: unknown): unknown => {
    const changed = change(value)
    if (Array.isArray(changed)) return changed.map(walk)
    if (typeof changed !== 'object' || changed === null || changed instanceof Uint8Array) return changed
    return Object.fromEntries(Object.entries(changed).map(([key, member]) => [key, walk(member)]))
  }
  return { receive: async (channel, signal) => walk(await layer.receive(channel, signal)) as ChannelMessage }
}

function oneName(layer: ChannelLayer): Partial<ChannelLayer> {
  const name = layer.newChannel()
  return { newChannel: () => name }
}

function sameObject(layer: ChannelLayer): Partial<ChannelLayer> {
  let last: ChannelMessage | undefined
  return {
    async receive(channel, signal) {
      const message = await layer.receive(channel, signal)
      return (last ??= message)
    },
  }
}

function wrongChannel(layer: ChannelLayer): Partial<ChannelLayer> {
  const channels: string[] = []
  return {
    newChannel(prefix) {
      channels.push(layer.newChannel(prefix))
      return channels.at(-1) as string
    },
    send: (_channel, message) => layer.send(channels[0] as string, message),
  }
}

function overtaking(layer: ChannelLayer): Partial<ChannelLayer> {
  let sends = 0
  return {
    async send(channel, message) {
      if (++sends % 3 === 0) for (let turn = 0; turn < 10; turn++) await Promise.resolve()
      await layer.send(channel, message)
    },
  }
}

function lastFirst(layer: ChannelLayer): Partial<ChannelLayer> {
  const waiting: ((message: ChannelMessage) => void)[] = []
  return {
    async receive(channel, signal) {
      const { promise, resolve } = Promise.withResolvers<ChannelMessage>()
      waiting.push(resolve)
      layer.receive(channel, signal).then(
        (message) => waiting.pop()?.(message),
        () => {},
      )
      return await promise
    },
  }
}

function countsTogether(layer: ChannelLayer, capacity: number): Partial<ChannelLayer> {
  let held = 0
  return {
    async send(channel, message) {
      if (held >= capacity) throw new Error('the process is full')
      await layer.send(channel, message)
      held++
    },
  }
}

function smallGroups(layer: ChannelLayer): Partial<ChannelLayer> {
  let members = 0
  return {
    groupAdd: async (group, channel) => (++members <= 500 ? await layer.groupAdd(group, channel) : undefined),
  }
}

function lateGroups(layer: ChannelLayer): Partial<ChannelLayer> {
  return {
    async groupSend(group, message) {
      setImmediate(() => void layer.groupSend(group, message).catch(() => {}))
      return { sent: 1, dropped: 0 }
    },
  }
}

function onlyOwn(layer: ChannelLayer, call: 'groupAdd' | 'groupDiscard'): Partial<ChannelLayer> {
  const own = new Set<string>()
  return {
    newChannel(prefix) {
      const channel = layer.newChannel(prefix)
      own.add(channel)
      return channel
    },
    [call]: async (group: string, channel: string) => {
      if (own.has(channel)) await layer[call](group, channel)
    },
  }
}
