/** Python peers whose clocks are wrong: each is heard, and hears, and harms nobody's messages that are not in its way. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { type RedisChannelLayer, redisChannels } from '../../src/channels/redis/queues/open.ts'
import { connectTo } from '../streams/redis-tools.ts'
import { collectingLogger } from '../support/logger.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { PythonPeer } from './python-peer.ts'

describeWith(['channels', 'redis'], 'a Python peer', (paths) => {
  let server: RedisServer
  const ends: (() => Promise<void>)[] = []

  beforeAll(async () => {
    server = await RedisServer.start(paths.redis)
  })

  afterAll(() => server.stop())

  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()))
  })

  const logger = collectingLogger()

  async function blockedClients(): Promise<number> {
    const admin = await connectTo(server)
    try {
      const [, count] = /^blocked_clients:(\d+)/m.exec(String(await admin.send(['INFO', 'clients']))) ?? []
      return Number(count)
    } finally {
      admin.end()
    }
  }

  function pair(skew: number): { here: RedisChannelLayer; python: PythonPeer } {
    const prefix = `test-${randomUUID()}.`
    const here = redisChannels({ url: server.url, prefix, logger })
    const python = new PythonPeer(paths.channels, { hosts: [server.url], prefix, clock_skew: skew })
    ends.push(
      () => here.close(),
      () => python.end(),
    )
    return { here, python }
  }

  it.each([-120, -61, -10, 0, 61, 120])('whose clock is %i s off is heard, and hears', async (skew) => {
    const { here, python } = pair(skew)
    const mine = here.newChannel()
    const theirs = await python.call<string>('new_channel')
    await here.groupAdd('chat', mine)
    await python.call('group_add', { group: 'chat', channel: theirs })

    await python.call('send', { channel: mine, message: { type: 'direct' } })
    expect(await here.receive(mine)).toEqual({ type: 'direct' })
    await python.call('group_send', { group: 'chat', message: { type: 'group' } })
    expect(await here.receive(mine)).toEqual({ type: 'group' })
    expect(await python.call('receive', { channel: theirs })).toEqual({ type: 'group' })

    const work = here.receive('work')
    // A queue that somebody waits at, as one does at the inbox of the process: what comes first, and what comes
    // while that is worked on. What came before anybody looked may be too old, and is the next case.
    await python.until('somebody waits at it', async () => (await blockedClients()) === 2)
    for (const n of ['one', 'two', 'three']) {
      await python.call('send', { channel: 'work', message: { type: n } })
    }
    expect(await work).toEqual({ type: 'one' })
    expect(await here.receive('work')).toEqual({ type: 'two' })
    expect(await here.receive('work')).toEqual({ type: 'three' })

    await here.send(theirs, { type: 'direct' })
    expect(await python.call('receive', { channel: theirs })).toEqual({ type: 'direct' })
    await here.groupSend('chat', { type: 'group' })
    expect(await python.call('receive', { channel: theirs })).toEqual({ type: 'group' })
    await here.send('jobs', { type: 'job' })
    expect(await python.call('receive', { channel: 'jobs' })).toEqual({ type: 'job' })
    expect(here.usage()).toMatchObject({ expired: 0, dropped: 0, unreadable: 0 })
  })

  it('whose clock is far behind sends what seems too old where nobody looked for long: it is counted and logged', async () => {
    const { here, python } = pair(-120)
    await python.call('send', { channel: 'work', message: { type: 'lost' } })
    const work = here.receive('work')
    await python.until('it is counted', async () => here.usage().expired === 1)
    await python.call('send', { channel: 'work', message: { type: 'seen' } })
    expect(await work).toEqual({ type: 'seen' })
    expect(logger.entries.map(({ message }) => message)).toContain(
      'channel messages dropped: not received in time',
    )
  })
})
