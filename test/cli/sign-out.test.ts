/** A sign-out in one worker ends what the user has open in all of them: real processes, on one Redis. */
import { onTestFinished, test, expect, vi } from 'vitest'
import { redisChannels } from '../../src/channels/redis/queues/open.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { WebSocketClient } from '../support/websocket-client.ts'
import { folderWith, serve } from './command-line.ts'

// Processes take their time on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const WORKERS = 2

/** Sockets say which worker they are on. */
const APP = `import { WebSocketConsumer, http, layerFromEnvironment, millrace, websocket } from 'millrace'

class Where extends WebSocketConsumer {
  async receive() {
    await this.send(process.env['MILLRACE_WORKER'])
  }
}

const app = millrace({
  channels: layerFromEnvironment(),
  authenticate: (request) => request.headers.get('x-user'),
  routes: [
    websocket('/ws', Where),
    http('/sign-out', async (request) => {
      await app.disconnect(request.headers.get('x-user'))
      return new Response(process.env['MILLRACE_WORKER'])
    }),
  ],
})
export default app
`

async function workerOf(client: WebSocketClient): Promise<string> {
  client.send('where')
  return String(await client.receive())
}

describeWith(['redis'], 'a sign-out from one of several workers', ({ redis }) => {
  test('closes a socket on each of them, and nobody else’s', async () => {
    const server = await RedisServer.start(redis)
    onTestFinished(() => server.stop())
    const folder = await folderWith({ 'app.ts': APP })
    const environment = { MILLRACE_CHANNEL_LAYER: `${server.url}/0` }
    const running = await serve(['app.ts', '--workers', String(WORKERS)], { folder, environment })
    const as = (user: string): { headers: Record<string, string> } => ({ headers: { 'x-user': user } })
    const connect = (user: string): Promise<WebSocketClient> =>
      WebSocketClient.connect(`${running.url.replace('http', 'ws')}/ws`, as(user))

    const ofAda: WebSocketClient[] = []
    const workers = new Set<string>()
    while (workers.size < WORKERS) {
      const client = await connect('ada')
      ofAda.push(client)
      workers.add(await workerOf(client))
    }
    await using bob = await connect('bob')
    const layer = redisChannels({ url: `${server.url}/0` })
    onTestFinished(() => layer.close())
    // Which each worker joins by itself.
    const nobody = { type: 'millrace.sign.out', user: 'nobody' }
    await vi.waitUntil(
      async () => (await layer.groupSend('millrace.sign-out', nobody)).sent === WORKERS,
      20_000,
    )
    const response = await fetch(`${running.url}/sign-out`, { method: 'POST', ...as('ada') })
    expect(workers).toContain(await response.text())
    for (const client of ofAda) expect(await client.closed).toEqual({ code: 3000, reason: 'Sign in again' })
    expect(workers).toContain(await workerOf(bob))
  })
})
