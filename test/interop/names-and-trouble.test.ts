/** What docs/django.md says of names, of two receivers in Python, and of a Redis that restarts. */
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { type RedisChannelLayer, redisChannels } from '../../src/channels/redis/queues/open.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { PythonPeer } from './python-peer.ts'

const run = promisify(execFile)

describeWith(['channels', 'redis'], 'beside channels_redis', (paths) => {
  let server: RedisServer
  const ends: (() => Promise<void>)[] = []

  beforeAll(async () => {
    server = await RedisServer.start(paths.redis)
  })

  afterAll(() => server.stop())

  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()))
  })

  function peer(prefix: string): PythonPeer {
    const python = new PythonPeer(paths.channels, { hosts: [server.url], prefix, capacity: 1000 })
    ends.push(() => python.end())
    return python
  }

  function layer(prefix: string): RedisChannelLayer {
    const here = redisChannels({ url: server.url, prefix, capacity: 1000 })
    ends.push(() => here.close())
    return here
  }

  function pair(): { prefix: string; here: RedisChannelLayer; python: PythonPeer } {
    const prefix = `test-${randomUUID()}.`
    return { prefix, here: layer(prefix), python: peer(prefix) }
  }

  it.each(['room\n', 'room\u0661'])('the name %j is one in Python and none here', async (name) => {
    const { here, python } = pair()
    const theirs = await python.call<string>('new_channel')
    await python.call('group_add', { group: name, channel: theirs })
    await expect(here.groupAdd(name, here.newChannel())).rejects.toMatchObject({ code: 'invalid_name' })
    // What such a name brings along harms nobody.
    const mine = here.newChannel()
    await here.groupAdd('room', mine)
    await python.call('group_add', { group: 'room', channel: `specific.${'0'.repeat(32)}!\u00e9` })
    await python.call('send', { channel: `${mine}\u00e9`, message: { type: 'for nobody' } })
    await python.call('group_send', { group: 'room', message: { type: 'group' } })
    expect(await here.receive(mine)).toEqual({ type: 'group' })
    await here.groupSend('room', { type: 'here' })
    expect(await here.receive(mine)).toEqual({ type: 'here' })
  })

  it('two Python receivers of one channel lose nothing, and Millrace gives each message once', async () => {
    const { prefix, here, python } = pair()
    const other = peer(prefix)
    const wanted = Array.from({ length: 200 }, (_, n) => n)
    const seen = new Set<string>()
    const receive = async (from: PythonPeer): Promise<void> => {
      while (seen.size < wanted.length) {
        // Whatever comes twice, one of the two has to be the last; the other is ended with its peer.
        const message = await from.call<{ text: string }>('receive', { channel: 'work' })
        seen.add(message.text)
      }
    }
    await here.send('warm', { type: 'up' })
    const both = Promise.any([receive(python), receive(other)])
    for (const n of wanted) await here.send('work', { type: 'test', text: String(n) })
    await both
    expect([...seen].map(Number).toSorted((a, b) => a - b)).toEqual(wanted)

    const there = layer(prefix)
    const once: number[] = []
    await python.call('send_numbers', { channel: 'jobs', count: 50 })
    const take = (layer: RedisChannelLayer) => async (): Promise<void> => {
      once.push((await layer.receive('jobs'))['n'] as number)
    }
    await Promise.all(wanted.slice(0, 50).map((n) => take(n % 2 ? here : there)()))
    expect(once.toSorted((a, b) => a - b)).toEqual(wanted.slice(0, 50))
  })

  it('a host that is a tuple works with the queues of 4.0, and not with its pub/sub', async () => {
    const program = `
import asyncio, sys
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

async def attempt(layer):
    try:
        await layer.send(await layer.new_channel(), {"type": "test"})
        return "works"
    except Exception as error:
        return str(error)

async def main():
    for kind in (RedisChannelLayer, RedisPubSubChannelLayer):
        print(await attempt(kind(hosts=[("127.0.0.1", int(sys.argv[1]))])))

asyncio.run(main())
`
    const { stdout } = await run(paths.channels, ['-c', program, String(server.port)])
    expect(stdout.split('\n')).toEqual(['works', "'tuple' object has no attribute 'decode'", ''])
  })

  it('a restart of Redis ends the receives of Python, and those of Millrace go on', async () => {
    const { here, python } = pair()
    const mine = here.newChannel()
    const theirs = await python.call<string>('new_channel')
    await here.groupAdd('room', mine)
    await python.call('group_add', { group: 'room', channel: theirs })
    const waiting = here.receive(mine)
    const theirWaiting = python.call('receive', { channel: theirs }).catch((error: unknown) => error)
    await here.groupSend('warm', { type: 'up' })
    await server.kill()
    expect(String(await theirWaiting)).toMatch(/ConnectionError/)
    await server.run()
    // The group is back by itself; Python's channel was in it, and is not.
    await python.until('the group is back', async () => {
      await python.call('group_send', { group: 'room', message: { type: 'again' } }).catch(() => undefined)
      return here.usage().receivers === 0
    })
    expect(await waiting).toEqual({ type: 'again' })
  })
})
