/** Ways in: a password, a user, a database, TLS, a unix socket, Sentinel. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisChannels, type RedisChannelsOptions } from '../../src/channels/redis/queues/open.ts'
import { type RedisPubSubChannelLayer, redisPubSubChannels } from '../../src/channels/redis/pubsub/open.ts'
import { selfSignedCertificate } from '../support/certificate.ts'
import { RedisServer } from '../support/redis.ts'
import { ReplicatedRedis } from '../support/replicated-redis.ts'
import { describeWith } from '../support/services.ts'

/** Whether messages get through a layer with these options, to another and back. */
async function works(options: RedisChannelsOptions): Promise<boolean> {
  const [here, there] = [redisChannels(options), redisChannels(options)]
  try {
    const channel = there.newChannel()
    await here.send(channel, { type: 'test' })
    await here.send('work', { type: 'work' })
    return (await there.receive(channel)).type === 'test' && (await there.receive('work')).type === 'work'
  } finally {
    await Promise.all([here.close(), there.close()])
  }
}

describeWith(['redis'], 'Redis is reached', ({ redis }) => {
  describe('with a password', () => {
    let server: RedisServer

    beforeAll(async () => {
      server = await RedisServer.start(redis, {
        arguments: ['--requirepass', 'p@ss word', '--user', 'bob', 'on', '>bob/secret', '~*', '&*', '+@all'],
      })
    })

    afterAll(() => server.stop())

    it('in a URL, in options, for a user, in another database, over a unix socket', async () => {
      const { port } = server
      expect(await works({ url: `redis://:p%40ss%20word@127.0.0.1:${port}/3` })).toBe(true)
      expect(await works({ url: `redis://bob:bob%2Fsecret@127.0.0.1:${port}` })).toBe(true)
      expect(
        await works({
          hosts: { host: '127.0.0.1', port, username: 'bob', password: 'bob/secret', database: 2 },
        }),
      ).toBe(true)
      expect(await works({ hosts: { url: server.socketUrl, password: 'p@ss word' } })).toBe(true)
    })

    it('and without the right one nothing is sent; the error says why and keeps the secret', async () => {
      for (const password of ['wrong-secret', undefined]) {
        const hosts = { host: '127.0.0.1', port: server.port, password }
        const layer = redisChannels({ hosts, timeout: 3 })
        const error = await layer.send('work', { type: 'test' }).catch((reason: unknown) => reason)
        await layer.close()
        expect(error).toMatchObject({ code: 'channel_layer_unavailable', uncertain: false })
        const { cause } = error as Error
        expect(String(cause)).toMatch(/WRONGPASS|NOAUTH/)
        expect(`${String(error)} ${String(cause)}`).not.toContain('wrong-secret')
      }
    })
  })

  it('on pub/sub by a user who may use all channels, and by nobody else; the error says so', async () => {
    const server = await RedisServer.start(redis, {
      arguments: [
        '--user all on >secret &* +@pubsub +@connection',
        '--user own on >secret resetchannels &asgi:control +@all',
      ].flatMap((user) => user.split(' ')),
    })
    const as = (username: string): RedisPubSubChannelLayer =>
      redisPubSubChannels({
        hosts: { host: '127.0.0.1', port: server.port, username, password: 'secret' },
        timeout: 0.5,
      })
    const [all, own] = [as('all'), as('own')]
    try {
      const channel = all.newChannel()
      await all.groupAdd('group', channel)
      expect(await all.groupSend('group', { type: 'test' })).toEqual({ sent: 1, dropped: 0 })
      await expect(own.listen()).rejects.toMatchObject({
        code: 'channel_layer_unavailable',
        uncertain: false,
        cause: { kind: 'NOPERM' },
      })
    } finally {
      await Promise.all([all.close(), own.close()])
      await server.stop()
    }
  })

  it('over TLS, and not when its certificate is another’s', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-tls-'))
    const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const made = selfSignedCertificate()
    await Promise.all([writeFile(key, made.key), writeFile(certificate, made.cert)])
    const probe = await RedisServer.start(redis)
    const { port } = probe
    await probe.stop()
    const tlsArguments = ['--port', '0', '--tls-port', String(port), '--tls-cert-file', certificate]
    const server = await RedisServer.start(redis, {
      arguments: [...tlsArguments, '--tls-key-file', key, '--tls-auth-clients', 'no'],
    })
    try {
      const url = `rediss://127.0.0.1:${port}`
      expect(await works({ hosts: { url, tls: { ca: made.cert } } })).toBe(true)
      const stranger = redisChannels({ url, timeout: 3 })
      await expect(stranger.send('work', { type: 'test' })).rejects.toMatchObject({
        code: 'channel_layer_unavailable',
        cause: { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
      })
      await stranger.close()
    } finally {
      await server.stop()
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('through Sentinel, and after a failover at the new master', { timeout: 60_000 }, async () => {
    const replicated = await ReplicatedRedis.start(redis, 1)
    const { sentinels, master } = replicated.host
    const options: RedisChannelsOptions = {
      hosts: { sentinels: [{ host: '127.0.0.1', port: 1 }, ...sentinels], master },
      timeout: 30,
    }
    const pairs = [redisChannels, redisPubSubChannels].map((make) => [make(options), make(options)] as const)
    try {
      const waiting: Promise<unknown>[] = []
      for (const [here, there] of pairs) {
        const channel = there.newChannel()
        await there.groupAdd('group', channel)
        await here.send(channel, { type: 'before' })
        expect(await there.receive(channel)).toEqual({ type: 'before' })
        waiting.push(there.receive(channel))
      }
      await replicated.failOver()
      for (const [here] of pairs) {
        let sent = 0
        while (sent === 0) {
          const sending = here.groupSend('group', { type: 'after' })
          ;({ sent } = await sending.catch(() => ({ sent: 0 })))
        }
      }
      expect(await Promise.all(waiting)).toEqual([{ type: 'after' }, { type: 'after' }])
    } finally {
      await Promise.all(pairs.flat().map((layer) => layer.close()))
      await replicated.stop()
    }
  })
})
