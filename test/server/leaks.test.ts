/** What a server holds for its clients is gone when they are. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { WebSocketConsumer, type WebSocketData, http, websocket } from '../../src/index.ts'
import { OPCODES, clientFrame } from '../support/raw-client.ts'
import { type TestServer, serve } from '../support/server.ts'

class Echo extends WebSocketConsumer {
  static readonly alive: WeakRef<WebSocketConsumer>[] = []
  override readonly groups = ['everybody']

  override async connect(): Promise<void> {
    Echo.alive.push(new WeakRef(this))
    this.background((signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())))
    if (this.scope.query.has('refuse')) this.close()
    else await this.accept()
  }

  override receive(message: WebSocketData): Promise<void> {
    if (message === 'throw') throw new Error('broken')
    return this.send(message)
  }
}

/** Every way in which a connection begins and ends. */
async function visit(server: TestServer): Promise<void> {
  const leaving = await server.connect('/ws')
  leaving.send('x')
  await leaving.receive()
  await leaving.close(1000)
  await (await server.connect('/ws'))[Symbol.asyncDispose]()
  const failing = await server.connect('/ws')
  failing.send('throw')
  await failing.closed
  await expect(server.connect('/ws?refuse')).rejects.toMatchObject({ status: 403 })
  await expect(server.connect('/nowhere')).rejects.toMatchObject({ status: 404 })
  for (const bytes of [clientFrame(OPCODES.text, 'x'), clientFrame(3), clientFrame(OPCODES.close)]) {
    await using raw = await server.raw()
    raw.upgrade('/ws', {}, bytes)
    await raw.response()
  }
  await using http = await server.raw()
  http.request('GET /page', { connection: 'close' })
  await http.response()
}

beforeEach(
  () => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] }),
)
afterEach(() => void vi.useRealTimers())

it('sockets, timers and consumers', async () => {
  await using server = await serve({
    routes: [websocket('/ws', Echo), http('/page', () => new Response('page'))],
    authenticate: (request) => ({ path: request.url }),
  })
  for (let round = 0; round < 3; round++) await visit(server)
  await turnsUntil(async () => (await connections(server)) === 0)
  // One renews memberships and one lets them expire; both go once they find none. The third looks whether new
  // connections used up the descriptors.
  expect(vi.getTimerCount()).toBe(3)
  vi.advanceTimersByTime(3_600_000)
  expect(vi.getTimerCount()).toBe(0)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  await turnsUntil(() => {
    collect()
    return Echo.alive.every((consumer) => consumer.deref() === undefined)
  })
  expect(Echo.alive.length).toBe(3 * 7)
})

async function turnsUntil(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await nextTurn()
}

function connections({ running }: TestServer): Promise<number> {
  return new Promise((resolve, reject) =>
    running.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
  )
}
