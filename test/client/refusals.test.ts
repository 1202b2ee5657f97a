/** What a client is told by a server that refuses, or has one way in, with the sockets and requests of Node. */
import { expect, it, onTestFinished } from 'vitest'
import { type ClientOptions, type StreamClient, connect } from '../../src/client/index.ts'
import {
  type Json,
  type Route,
  type Streaming,
  bearerToken,
  forbidden,
  http,
  httpStreams,
  memory,
  streamSocket,
  streaming,
  unauthenticated,
} from '../../src/index.ts'
import { collect } from '../support/collect.ts'
import { serve } from '../support/server.ts'
import { asRun } from '../support/as-run.ts'

type Options = Parameters<typeof httpStreams>[1] & Parameters<typeof streamSocket>[1]

/** A server of streams with the routes that a test mounts. Returns what connects to it. */
async function serving(
  mount: (options: Options) => readonly Route[],
): Promise<(path: string, options?: ClientOptions) => StreamClient> {
  const provider = () =>
    async function* () {
      yield { delta: 'Hello' }
    }
  const streams: Streaming = streaming({ store: memory(), runs: { any: { run: asRun(provider) } } })
  const start = ({ input, ...rest }: { input: Json; id?: string; owner?: string }) =>
    streams.runs.start({ ...rest, kind: 'any', input })
  const server = await serve({ streams, routes: [...mount({ ...streams.services, start })] })
  const clients: StreamClient[] = []
  onTestFinished(async () => {
    for (const client of clients) client.close()
    await server[Symbol.asyncDispose]()
  })
  return (path, options) => {
    const client = connect(server.url(path), options)
    clients.push(client)
    return client
  }
}

const both = (options: Options): readonly Route[] => [
  streamSocket('/ws', options),
  httpStreams('/streams', options),
]

async function expectRefusal(client: StreamClient, code: string, message: string): Promise<void> {
  const refusals = [client.start('x'), client.stop('x'), client.latest('x'), collect(client.stream('x'))]
  for (const refused of await Promise.allSettled(refusals))
    expect(refused).toMatchObject({ status: 'rejected', reason: { name: 'StreamError', code, message } })
  expect(client).toMatchObject({ state: 'idle', error: { code, message } })
}

it.each([{}, { http: '/wrong-too' }, { http: false }] as const)(
  'a wrong path is an error with the words of the server, with %j',
  async (options) => {
    const connectTo = await serving(() => [])
    await expectRefusal(connectTo('/wrong', options), 'route_not_found', 'Nothing is served at /wrong')
  },
)

it('a session that is over, and a user who may not, are told so in the words of the server', async () => {
  const authenticate = (request: Request): never => {
    throw bearerToken(request) === undefined ? unauthenticated('Sign in again.') : forbidden('Not you.')
  }
  const connectTo = await serving((options) => both({ ...options, authenticate }))
  await expectRefusal(connectTo('/ws'), 'unauthenticated', 'Sign in again.')
  await expectRefusal(connectTo('/ws', { token: 'eve' }), 'forbidden', 'Not you.')
  // There is no WebSocket, and who asks is asked over HTTP alone.
  await expectRefusal(connectTo('/ws', { http: false }), 'unauthenticated', 'Sign in again.')
})

it('a token opens every way', async () => {
  const authenticate = (request: Request) =>
    bearerToken(request) === 'secret' ? { id: 'ann', admin: false } : null
  const connectTo = await serving((options) => both({ ...options, authenticate }))
  for (const path of ['/ws', '/no-websocket-here']) {
    const stream = await connectTo(path, { token: () => Promise.resolve('secret') }).start('x')
    expect([await collect(stream), stream.status]).toEqual([[{ delta: 'Hello' }], 'completed'])
  }
})

it('one way in is enough, whichever it is', async () => {
  for (const mount of [
    (options: Options) => [streamSocket('/ws', options)],
    (options: Options) => [httpStreams('/streams', options)],
    // Pages answer for every other path, as in many an application.
    (options: Options) => [httpStreams('/streams', options), http('/*path', () => new Response('page'))],
  ]) {
    const connectTo = await serving(mount)
    const stream = await connectTo('/ws').start('x')
    expect(await collect(stream)).toEqual([{ delta: 'Hello' }])
  }
})

it('a server that is there and lets nothing through is told as such, and tried on', async () => {
  const connectTo = await serving((options) => [streamSocket('/ws', options)])
  let open = false
  const client = connectTo('/ws', {
    // What a proxy does that passes no upgrade on.
    webSocket: (url, protocols) => new WebSocket(open ? url : url.replace('/ws', '/blocked'), protocols),
  })
  const starting = client.start('x')
  await new Promise<void>((resolve) => {
    const undo = client.subscribe(() => {
      if (client.error?.code !== 'blocked') return
      undo()
      resolve()
    })
  })
  expect(client.state).toBe('reconnecting')
  expect(client.error?.message).toContain('WebSockets do not reach the server')
  open = true
  expect(await collect(await starting)).toEqual([{ delta: 'Hello' }])
  expect(client.error).toBeUndefined()
})
