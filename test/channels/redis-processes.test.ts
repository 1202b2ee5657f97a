/** Processes that share a Redis: real ones that are killed, and what they leave behind. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import process from 'node:process'
import { createInterface, type Interface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'

import {
  type RedisChannelLayer,
  redisChannels,
  type RedisChannelsOptions,
} from '../../src/channels/redis/queues/open.ts'
import { hostSettings } from '../../src/redis/hosts.ts'
import { openClient, type RedisClient } from '../../src/redis/open-client.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'

type Worker = ChildProcessByStdio<null, Readable, null>

const script = fileURLToPath(new URL('redis/worker.ts', import.meta.url))

describeWith(['redis'], 'processes on one Redis', ({ redis }) => {
  let server: RedisServer
  let admin: RedisClient
  let prefix: string
  const layers: RedisChannelLayer[] = []
  const workers: Worker[] = []

  beforeAll(async () => {
    server = await RedisServer.start(redis)
    const [host] = hostSettings(server.url)
    if (!host) throw new Error('no host')
    const signal = new AbortController().signal
    admin = await openClient(host, { timeoutMs: 5000, signal, onLost: () => undefined })
  })

  beforeEach(() => {
    prefix = `test-${randomUUID()}.`
  })

  afterEach(async () => {
    await Promise.all([...layers.splice(0).map((layer) => layer.close()), ...workers.splice(0).map(kill)])
  })

  afterAll(async () => {
    admin.end()
    await server.stop()
  })

  function layer(options: RedisChannelsOptions = {}): RedisChannelLayer {
    const made = redisChannels({ url: server.url, prefix, ...options })
    layers.push(made)
    return made
  }

  function start(...args: string[]): { worker: Worker; lines: Interface; first: Promise<string> } {
    const command = ['--conditions=millrace:source', script, server.url, prefix, ...args]
    const worker = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] })
    workers.push(worker)
    const lines = createInterface({ input: worker.stdout })
    return { worker, lines, first: once(lines, 'line').then(([line]) => line as string) }
  }

  async function keys(): Promise<string[]> {
    return ((await admin.send(['KEYS', `${prefix}*`])) as Buffer[]).map(String)
  }

  async function untilIt<T>(look: () => Promise<T>, is: (value: T) => boolean): Promise<T> {
    for (;;) {
      const value = await look()
      if (is(value)) return value
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  it('one that sends a lot, in every way, is received in its order; then it ends by itself', async () => {
    const here = layer({ capacity: 100_000 })
    const channel = here.newChannel()
    await here.groupAdd('group', channel)
    const { worker, first } = start('send', channel)
    const received: unknown[] = []
    while (received.length < 2000) received.push((await here.receive(channel))['n'])
    expect(received).toEqual(Array.from({ length: 2000 }, (_, n) => n))
    expect(await first).toBe('sent')
    // It closed its layer and nothing else holds it: a process can exit.
    if (worker.exitCode === null) await once(worker, 'exit')
    expect(worker.exitCode).toBe(0)
  })

  it('one that is killed while it receives takes with it, of a shared channel, what it had taken', async () => {
    const here = layer({ capacity: 1000 })
    const { worker, lines, first } = start('receive')
    expect(await first).toBe('ready')
    const seen: number[] = []
    const some = Promise.withResolvers<void>()
    lines.on('line', (line) => {
      seen.push(Number(line))
      if (seen.length === 50) some.resolve()
    })
    const sending = (async (): Promise<void> => {
      for (let n = 0; n < 500; n++) await here.send('work', { type: 'test', n })
    })()
    await some.promise
    await kill(worker)
    await sending
    await here.send('work', { type: 'end' })
    const rest: number[] = []
    for (;;) {
      const { type, n } = await here.receive('work')
      if (type === 'end') break
      rest.push(n as number)
    }
    // Nothing twice, all in order, and at most the one message that was on its way to it is missing.
    const all = [...seen, ...rest]
    expect(all).toEqual([...new Set(all)].toSorted((a, b) => a - b))
    expect(all.length).toBeGreaterThanOrEqual(499)
    expect(rest.length).toBeGreaterThan(0)
  })

  it('a message that finds nobody on its arrival goes back, in its place', async () => {
    const [here, there] = [layer(), layer()]
    for (let round = 0; round < 30; round++) {
      const controller = new AbortController()
      const given = there.receive('work', controller.signal).catch(() => undefined)
      if (round % 3 === 0)
        await untilIt(
          () => admin.send(['INFO', 'clients']),
          (info) => /blocked_clients:[1-9]/.test(String(info)),
        )
      const sending = here.send('work', { type: 'test', n: round })
      for (let turn = 0; turn < round; turn++) await Promise.resolve()
      controller.abort()
      await sending
      expect((await given) ?? (await here.receive('work'))).toEqual({ type: 'test', n: round })
    }
  })

  it('one that was killed is soon no member of its groups', { timeout: 60_000 }, async () => {
    const here = layer()
    const { worker, first } = start('member')
    await first
    expect(await here.groupSend('group', { type: 'hello' })).toEqual({ sent: 1, dropped: 0 })
    await kill(worker)
    // Its last sign of life was long ago.
    const [[inbox]] = [(await admin.send(['ZRANGE', `${prefix}:processes`, '0', '-1'])) as Buffer[]]
    await admin.send(['ZADD', `${prefix}:processes`, 'XX', '1', String(inbox)])
    expect(await here.groupSend('group', { type: 'hello' })).toEqual({ sent: 0, dropped: 0 })
    expect(await admin.send(['EXISTS', `${prefix}:group:group`])).toBe(0)
  })

  it('the queue of one that is gone is bounded, and says so', async () => {
    const here = layer({ capacity: 2 })
    const gone = `specific.${'0'.repeat(32)}!${'1'.repeat(32)}`
    for (let n = 0; n < 200; n++) await here.send(gone, { type: 'test', n })
    await expect(here.send(gone, { type: 'test' })).rejects.toMatchObject({ code: 'channel_full' })
    await here.groupAdd('group', gone)
    expect(await here.groupSend('group', { type: 'test' })).toEqual({ sent: 0, dropped: 1 })
  })

  it('a slow consumer loses the newest of its own messages, which are counted', async () => {
    const [here, there] = [layer({ capacity: 3 }), layer({ capacity: 3 })]
    const [slow, quick] = [there.newChannel(), there.newChannel()]
    for (let n = 0; n < 10; n++) await here.send(slow, { type: 'test', n })
    await here.send(quick, { type: 'test' })
    await there.receive(quick)
    expect(there.usage()).toMatchObject({ dropped: 7, messages: 3 })
    for (let n = 0; n < 3; n++) expect(await there.receive(slow)).toEqual({ type: 'test', n })
  })

  it('a flush reaches what other processes hold already', async () => {
    const [here, there] = [layer(), layer()]
    const channel = there.newChannel()
    await there.groupAdd('group', channel)
    await here.send(channel, { type: 'old' })
    await untilIt(
      async () => there.usage().messages,
      (messages) => messages === 1,
    )
    await untilIt(
      () => admin.send(['ZCARD', `${prefix}:processes`]),
      (count) => count === 1,
    )
    await here.flush()
    expect(there.usage()).toMatchObject({ messages: 0, groups: 0, memberships: 0 })
    // Also not to its own members, of whom only it knows.
    expect(await there.groupSend('group', { type: 'old' })).toEqual({ sent: 0, dropped: 0 })
  })

  it('a flush takes nothing that is not the layer’s', async () => {
    const here = layer()
    await here.send('work', { type: 'test' })
    await admin.send(['SET', `${prefix}work2`, 'a string'])
    await admin.send(['ZADD', `${prefix}a:b`, '1', 'no channel has this name'])
    await admin.send(['ZADD', `x${prefix}work`, '1', 'another prefix'])
    await here.flush()
    const left = (await keys()).filter((key) => key !== `${prefix}:processes`)
    expect(left.toSorted()).toEqual([`${prefix}a:b`, `${prefix}work2`])
    expect(await admin.send(['EXISTS', `x${prefix}work`])).toBe(1)
  })

  it('every key in Redis ends by itself', async () => {
    const here = layer()
    const channel = here.newChannel('own')
    await here.groupAdd('group', channel)
    await here.groupAdd('group', 'work')
    await here.send('work', { type: 'test' })
    await here.send('nobody!here', { type: 'test' })
    await here.groupSend('group', { type: 'test' })
    const waiting = here.receive('mail')
    await here.send('mail', { type: 'test' })
    await waiting
    const found = await keys()
    expect(found.length).toBeGreaterThan(3)
    for (const key of found) expect(await admin.send(['PTTL', key]), key).toBeGreaterThan(0)
  })

  it('a shorter expiry of one process does not end what another keeps', async () => {
    const [long, short] = [layer({ expiry: 500, groupExpiry: 5000 }), layer({ expiry: 5, groupExpiry: 50 })]
    await long.send('work', { type: 'test' })
    await long.groupAdd('group', 'work')
    await short.send('other', { type: 'test' })
    await short.send('work', { type: 'test' })
    await short.groupAdd('group', 'other')
    expect(await admin.send(['TTL', `${prefix}work`])).toBeGreaterThan(400)
    expect(await admin.send(['TTL', `${prefix}:group:group`])).toBeGreaterThan(4000)
  })

  it('one that is closed leaves nothing', async () => {
    const here = redisChannels({ url: server.url, prefix })
    const channels = Array.from({ length: 100 }, (_, n) => here.newChannel(`p${n % 3}`))
    await Promise.all(channels.map((channel, n) => here.groupAdd(`group-${n}`, channel)))
    await untilIt(keys, (found) => found.length === 101)
    await here.close()
    expect(await keys()).toEqual([])
    const clients = String(await admin.send(['CLIENT', 'LIST']))
    expect(clients.trim().split('\n')).toHaveLength(1)
  })

  async function membersInRedis(group: string): Promise<string[]> {
    return ((await admin.send(['ZRANGE', `${prefix}:group:${group}`, '0', '-1'])) as Buffer[]).map(String)
  }

  it('a group lists the channels of a process by name, and nothing once they are gone', async () => {
    const here = layer()
    const channels = Array.from({ length: 50 }, () => here.newChannel())
    await Promise.all(channels.map((channel) => here.groupAdd('group', channel)))
    const members = await membersInRedis('group')
    expect(members).toEqual(expect.arrayContaining(channels))
    expect(members).toHaveLength(51)
    for (const channel of channels.slice(1)) here.release(channel)
    await here.groupDiscard('group', channels[0] as string)
    await untilIt(
      () => admin.send(['EXISTS', `${prefix}:group:group`]),
      (exists) => exists === 0,
    )
    expect(here.usage()).toMatchObject({ channels: 1, groups: 0, memberships: 0 })
  })

  it('more channels than are listed by name take one place, and few of them are listed again', async () => {
    const [here, there] = [layer({ namedMembers: 10 }), layer()]
    const channels = Array.from({ length: 50 }, () => here.newChannel())
    await Promise.all(channels.map((channel) => here.groupAdd('group', channel)))
    expect(await membersInRedis('group')).toEqual([expect.stringContaining('!group.')])
    await there.groupSend('group', { type: 'many' })
    for (const channel of channels) expect(await here.receive(channel)).toEqual({ type: 'many' })
    for (const channel of channels.slice(5)) await here.groupDiscard('group', channel)
    const members = await membersInRedis('group')
    expect(members).toEqual(expect.arrayContaining(channels.slice(0, 5)))
    expect(members).toHaveLength(6)
    await there.groupSend('group', { type: 'few' })
    for (const channel of channels.slice(0, 5)) expect(await here.receive(channel)).toEqual({ type: 'few' })
    await here.send(channels[5] as string, { type: 'after' })
    expect(await here.receive(channels[5] as string)).toEqual({ type: 'after' })
  })

  it('who was taken out of a group is not in it again when the group becomes a large one', async () => {
    const here = layer({ namedMembers: 2 })
    const channels = Array.from({ length: 3 }, () => here.newChannel())
    const [gone, ...others] = channels as [string, string, string]
    await here.groupAdd('group', gone)
    await here.groupAdd('group', others[0])
    await admin.send(['ZREM', `${prefix}:group:group`, gone])
    await here.groupAdd('group', others[1])
    await here.groupSend('group', { type: 'test' })
    await here.send(gone, { type: 'after' })
    expect(await here.receive(gone)).toEqual({ type: 'after' })
    for (const channel of others) expect(await here.receive(channel)).toEqual({ type: 'test' })
  })

  it('another process may take a channel out of a group that it joined by itself', async () => {
    const [here, there] = [layer(), layer()]
    const [one, other] = [there.newChannel(), there.newChannel()]
    for (const channel of [one, other]) await there.groupAdd('group', channel)
    await here.groupDiscard('group', one)
    await here.groupSend('group', { type: 'test' })
    await here.send(one, { type: 'after' })
    expect(await there.receive(one)).toEqual({ type: 'after' })
    expect(await there.receive(other)).toEqual({ type: 'test' })
  })

  it('a group send to ten thousand channels of one process is one small message', async () => {
    const [here, there] = [layer(), layer()]
    const channels = Array.from({ length: 10_000 }, () => there.newChannel())
    await Promise.all(channels.map((channel) => there.groupAdd('group', channel)))
    await admin.send(['CONFIG', 'RESETSTAT'])
    expect(await here.groupSend('group', { type: 'test' })).toEqual({ sent: 1, dropped: 0 })
    for (const channel of channels) expect(await there.receive(channel)).toEqual({ type: 'test' })
    const read = /total_net_input_bytes:(\d+)/.exec(String(await admin.send(['INFO', 'stats'])))?.[1]
    expect(Number(read)).toBeLessThan(20_000)
  })
})

async function kill(worker: Worker): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return
  const ended = once(worker, 'exit')
  worker.kill('SIGKILL')
  await ended
}
