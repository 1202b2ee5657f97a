/** Store and channel layer on a Redis, as the command line and the environment name one. */
import { once } from 'node:events'
import { expect, onTestFinished, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { folderWith, millrace, serve } from './command-line.ts'

// Each test starts processes, which take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

/** Tells each other, and says which worker tells. */
const APP = `import { JsonWebSocketConsumer, layerFromEnvironment, millrace, websocket } from 'millrace'

class Room extends JsonWebSocketConsumer {
  groups = ['room']
  async connect() {
    await this.accept()
    await this.send({ worker: process.env['MILLRACE_WORKER'] })
  }
  async receive(text) {
    await this.groupSend('room', { type: 'said', text })
  }
  async said({ text }) {
    await this.send({ text })
  }
}

export default millrace({ channels: layerFromEnvironment(), routes: [websocket('/ws/', Room)] })
`

/** Is given no logger. */
const DURABLE_APP = `import { http, layerFromEnvironment, millrace, storeFromEnvironment, streaming } from 'millrace'

const streams = streaming({ store: storeFromEnvironment() })
const fail = async () => {
  const run = await streams.runs.start({}, async function* () {
    throw new Error('the model is out of order')
  })
  return Response.json(await run.end)
}

export default millrace({ channels: layerFromEnvironment(), streams, routes: [http('/fail', fail)] })
`

const WORKER_APP = `import { channel, ChannelConsumer, layerFromEnvironment, millrace } from 'millrace'

class Jobs extends ChannelConsumer {}

export default millrace({ channels: layerFromEnvironment(), routes: [channel('jobs', Jobs)] })
`

describeWith(['redis'], 'millrace serve, with a Redis', (paths) => {
  async function start(...args: readonly string[]): Promise<RedisServer> {
    const redis = await RedisServer.start(paths['redis'], { arguments: args })
    onTestFinished(() => redis.stop())
    return redis
  }

  test('keeps streams and channels where REDIS_URL says, and its password for itself', async () => {
    const { port } = await start('--requirepass', 'hunter2')
    const environment = { MILLRACE_STORE: '', REDIS_URL: `redis://:hunter2@127.0.0.1:${port}/3` }
    const running = await serve(['-v', 'debug'], { folder: await folderWith({}), environment })
    await running.printed(
      new RegExp(`Streams are kept in Redis at 127\\.0\\.0\\.1:${port}/3, and outlive this process`),
    )
    const started = await fetch(`${running.url}/millrace/streams`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"kind":"numbers"}',
    })
    expect(started.status).toBe(201)
    running.kill('SIGTERM')
    const { code, stdout, stderr } = await running.ended
    expect(code).toBe(0)
    expect(stdout + stderr).not.toContain('hunter2')
  })

  test('says for an application, too, what streams survive, and that Redis is away', async () => {
    const redis = await start('--save', '')
    const folder = await folderWith({ 'app.ts': DURABLE_APP })
    const environment = { MILLRACE_STORE: '', REDIS_URL: `redis://127.0.0.1:${redis.port}` }
    const running = await serve(['app.ts'], { folder, environment })
    await running.printed(/streams are kept by Redis: its crash loses all of them and ends every run/)
    expect(await readiness(running.url)).toBe(200)
    await redis.kill()
    await running.printed(/redis is away; trying again/)
    expect(await readiness(running.url)).toBe(503)
  })

  test('says why a run of an application failed', async () => {
    const folder = await folderWith({ 'app.ts': DURABLE_APP })
    const running = await serve(['app.ts'], { folder, environment: { MILLRACE_STORE: 'memory:' } })
    const response = await fetch(`${running.url}/fail`)
    expect(await response.json()).toMatchObject({ status: 'failed', reason: 'provider_failed' })
    await running.printed(/the model is out of order/)
  })

  test('refuses to start, also as a worker, with one that is too old for the channel layer', async () => {
    const { port } = await start('--rename-command', 'BZMPOP', '')
    const folder = await folderWith({ 'app.ts': APP, 'worker.ts': WORKER_APP })
    const layer = ['--channel-layer', `redis://127.0.0.1:${port}`]
    const line =
      /^millrace: .*the Redis of the channel layer cannot be used: it has no command BZMPOP, which the channel layer needs: Redis 7\.0 and later have it, and Valkey$/m
    for (const command of [
      ['serve', '-p', '0', 'app.ts', ...layer],
      ['serve', '-p', '0', 'app.ts', '--workers', '1', ...layer],
      ['worker', 'worker.ts', ...layer],
    ]) {
      const { code, stderr } = await millrace(command, { folder })
      expect([code, stderr]).toEqual([1, expect.stringMatching(line)])
    }
  })

  test('shares the groups of its workers', async () => {
    const { port } = await start()
    const folder = await folderWith({ 'app.ts': APP })
    const args = ['app.ts', '--workers', '2', '--channel-layer', `redis://127.0.0.1:${port}`]
    const running = await serve(args, { folder })
    expect(running.stdout).not.toContain('do not reach')
    const sockets = await Promise.all(
      [0, 1, 2, 3].map(async () => {
        const socket = new WebSocket(`${running.url.replace('http', 'ws')}/ws/`)
        onTestFinished(() => socket.terminate())
        return { socket, greeting: (await message(socket)) as { worker: string } }
      }),
    )
    expect(new Set(sockets.map(({ greeting }) => greeting.worker))).toEqual(new Set(['1', '2']))
    const heard = sockets.map(({ socket }) => message(socket))
    sockets[0]?.socket.send('"hello"')
    expect(await Promise.all(heard)).toEqual(Array(4).fill({ text: 'hello' }))
  })
})

async function readiness(url: string): Promise<number> {
  return (await fetch(`${url}/readyz`)).status
}

async function message(socket: WebSocket): Promise<unknown> {
  const [data] = (await once(socket, 'message')) as [Buffer]
  return JSON.parse(data.toString())
}
