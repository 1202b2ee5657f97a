/** Who was removed from a room is out of it, whichever side removed them. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { Membership } from '../../src/channels/membership.ts'
import {
  type RedisChannelLayer,
  redisChannels,
  type RedisChannelsOptions,
} from '../../src/channels/redis/queues/open.ts'
import { redisPubSubChannels } from '../../src/channels/redis/pubsub/open.ts'
import { connectTo } from '../streams/redis-tools.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { PythonPeer } from './python-peer.ts'

describeWith(['channels', 'redis'], 'a removal', (paths) => {
  let server: RedisServer
  const ends: (() => Promise<void>)[] = []

  beforeAll(async () => {
    server = await RedisServer.start(paths.redis)
  })

  afterAll(() => server.stop())

  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()))
  })

  function peers(options: RedisChannelsOptions = {}): {
    here: RedisChannelLayer
    other: RedisChannelLayer
    python: PythonPeer
  } {
    const prefix = `test-${randomUUID()}.`
    const [here, other] = [0, 1].map(() => redisChannels({ url: server.url, prefix, ...options })) as [
      RedisChannelLayer,
      RedisChannelLayer,
    ]
    const python = new PythonPeer(paths.channels, { hosts: [server.url], prefix })
    ends.push(
      () => here.close(),
      () => other.close(),
      () => python.end(),
    )
    return { here, other, python }
  }

  /** Nobody sends anything to a channel that was removed: what comes next to it is what is sent to it alone. */
  async function expectOut(layer: RedisChannelLayer, channel: string): Promise<void> {
    await layer.send(channel, { type: 'after' })
    expect(await layer.receive(channel)).toEqual({ type: 'after' })
  }

  it("by Python's group_discard ends a membership that the channel took by itself", async () => {
    const { here, other, python } = peers()
    const [removed, stays] = [here.newChannel(), here.newChannel()]
    for (const channel of [removed, stays]) await here.groupAdd('room', channel)
    await python.call('group_discard', { group: 'room', channel: removed })
    await python.call('group_send', { group: 'room', message: { type: 'one' } })
    expect(await here.receive(stays)).toEqual({ type: 'one' })
    await other.groupSend('room', { type: 'two' })
    expect(await here.receive(stays)).toEqual({ type: 'two' })
    await here.groupSend('room', { type: 'three' })
    expect(await here.receive(stays)).toEqual({ type: 'three' })
    await expectOut(here, removed)
    // Who joins anew is in again.
    await here.groupAdd('room', removed)
    await python.call('group_send', { group: 'room', message: { type: 'four' } })
    expect(await here.receive(removed)).toEqual({ type: 'four' })
  })

  it('of the last channel of a process is one, too, and no loss of the group', async () => {
    const { here, python } = peers()
    const removed = here.newChannel()
    await here.groupAdd('room', removed)
    await python.call('group_discard', { group: 'room', channel: removed })
    expect(await here.groupSend('room', { type: 'one' })).toEqual({ sent: 0, dropped: 0 })
    await python.call('group_send', { group: 'room', message: { type: 'two' } })
    await expectOut(here, removed)
  })

  it('by Python outlives the renewals of a connection', async () => {
    const { here, python } = peers({ groupExpiry: 2 })
    const membership = new Membership(here)
    ends.unshift(() => membership.close())
    const [removed, stays] = [here.newChannel(), here.newChannel()]
    for (const channel of [removed, stays]) await membership.hold('room', channel)
    await python.call('group_discard', { group: 'room', channel: removed })
    // One renewal finds out, which may take a second; the other goes on.
    await python.until('it is renewed no more', async () => membership.size === 1)
    await python.call('group_send', { group: 'room', message: { type: 'one' } })
    expect(await here.receive(stays)).toEqual({ type: 'one' })
    await expectOut(here, removed)
  })

  it('by Python outlives a connection to Redis that breaks', async () => {
    const { here, other, python } = peers()
    const [removed, stays] = [here.newChannel(), here.newChannel()]
    for (const channel of [removed, stays]) await here.groupAdd('room', channel)
    // Redis has answered this process since then.
    await here.groupRenew('room', stays)
    await python.call('group_discard', { group: 'room', channel: removed })
    const admin = await connectTo(server)
    await admin.send(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
    admin.end()
    // What was sent on the connection that was cut is refused; what comes later goes out behind what it puts back.
    await python.until('it is connected again', () => here.groupRenew('room', stays).catch(() => false))
    await python.until('the other is, too', async () => (await other.check?.()) === true)
    await other.groupSend('room', { type: 'one' })
    expect(await here.receive(stays)).toEqual({ type: 'one' })
    await expectOut(here, removed)
  })

  it('by this side takes out a Python channel, and the other way round one that Python added', async () => {
    const { here, python } = peers()
    const mine = here.newChannel()
    const theirs = await python.call<string>('new_channel')
    await python.call('group_add', { group: 'room', channel: theirs })
    await python.call('group_add', { group: 'room', channel: mine })
    await here.groupDiscard('room', theirs)
    await here.groupDiscard('room', mine)
    await python.call('group_send', { group: 'room', message: { type: 'one' } })
    await here.send(theirs, { type: 'after' })
    expect(await python.call('receive', { channel: theirs })).toEqual({ type: 'after' })
    await expectOut(here, mine)
  })

  it('from a group that is too large to name everybody takes a message of Python to the process', async () => {
    const { here, other, python } = peers({ namedMembers: 2 })
    const [removed, ...stay] = Array.from({ length: 5 }, () => here.newChannel()) as [string, ...string[]]
    for (const channel of [removed, ...stay]) await here.groupAdd('room', channel)
    // The stock call does nothing here, as docs/django.md says.
    await python.call('group_discard', { group: 'room', channel: removed })
    await python.call('group_send', { group: 'room', message: { type: 'still there' } })
    expect(await here.receive(removed)).toEqual({ type: 'still there' })
    await python.call('send', {
      channel: removed.slice(0, removed.indexOf('!') + 1),
      message: { type: 'group.discard', group: 'room', channel: removed },
    })
    await python.call('group_send', { group: 'room', message: { type: 'one' } })
    expect(await here.receive(stay[0] as string)).toEqual({ type: 'still there' })
    expect(await here.receive(stay[0] as string)).toEqual({ type: 'one' })
    await other.groupSend('room', { type: 'two' })
    expect(await here.receive(stay[0] as string)).toEqual({ type: 'two' })
    await expectOut(here, removed)
  })

  it('by that message works on pub/sub, where Python cannot discard the channels of others', async () => {
    const prefix = `test-${randomUUID()}.`
    const here = redisPubSubChannels({ url: server.url, prefix })
    const python = new PythonPeer(
      paths.channels,
      { layer: 'pubsub', hosts: [server.url], prefix },
      { script: 'newer_peer.py', environment: process.env },
    )
    ends.push(
      () => here.close(),
      () => python.end(),
    )
    await here.listen()
    const [removed, stays] = [here.newChannel(), here.newChannel()]
    for (const channel of [removed, stays]) await here.groupAdd('room', channel)
    await python.call('send', {
      channel: removed.slice(0, removed.indexOf('!') + 1),
      message: { type: 'group.discard', group: 'room', channel: removed },
    })
    await python.call('group_send', { group: 'room', message: { type: 'one' } })
    expect(await here.receive(stays)).toEqual({ type: 'one' })
    await here.send(removed, { type: 'after' })
    expect(await here.receive(removed)).toEqual({ type: 'after' })
  })
})
