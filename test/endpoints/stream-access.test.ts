/** Whose streams somebody may touch: who is taken for an owner, and who is refused. */
import { expect, it } from 'vitest'
import { httpStreams, memory, millrace, streamSocket, streaming } from '../../src/index.ts'
import type { OwnerOf } from '../../src/index.ts'
import { WebSocketCommunicator } from '../../src/testing/index.ts'
import { collectingLogger } from '../support/logger.ts'

interface Setup {
  readonly app: ReturnType<typeof millrace>
  readonly log: ReturnType<typeof collectingLogger>
  start(): Promise<Response>
  read(id: string): Promise<Response>
  connect(): Promise<Awaited<ReturnType<WebSocketCommunicator['connect']>>>
}

function setUp(user: unknown, ownerOf?: OwnerOf): Setup {
  const log = collectingLogger()
  const kinds = {
    word: {
      async *run() {
        yield 'word'
      },
    },
  }
  const streams = streaming({
    store: memory(),
    logger: log,
    runs: kinds,
    ...(ownerOf && { ownerOf }),
  })
  const start = ({ input: _input, ...command }: { input: unknown; owner?: string }) =>
    streams.runs.start({ ...command, kind: 'word' })
  const app = millrace({
    logger: log,
    streams,
    routes: [
      httpStreams('/mine', { ...streams.services, start, authenticate: () => user }),
      httpStreams('/everybodys', { ...streams.services, authenticate: false }),
      streamSocket('/ws', { ...streams.services, start, authenticate: () => user }),
    ],
  })
  const ask = (path: string, init?: RequestInit): Promise<Response> =>
    app.fetch(new Request(`http://testserver${path}`, init))
  return {
    app,
    log,
    start: () =>
      ask('/mine', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"id":"run","input":null}',
      }),
    read: (path) => ask(path),
    connect: async () =>
      await new WebSocketCommunicator(app, '/ws', { subprotocols: ['millrace.v1'] }).connect(),
  }
}

it.each<[string, unknown, string]>([
  ['a text', 'ada', 'ada'],
  ['a number', 42, '42'],
  ['the number 0', 0, '0'],
  ['a big number', 42n, '42'],
  ['an object with a text as its id', { id: 'ada', email: 'ada@example' }, 'ada'],
  ['an object with a number as its id', { id: 0 }, '0'],
])('what %s starts is its own, and nobody else’s', async (_what, user, owner) => {
  const { app, start, read } = setUp(user)
  expect((await start()).status).toBe(201)
  expect(await app.options.streams?.store.head('run')).toMatchObject({ owner })
  expect((await read('/mine/run')).status).toBe(200)
  expect((await read('/everybodys/run')).status).toBe(404)
  await app.close()
})

it.each<[string, unknown, OwnerOf?]>([
  ['true', true],
  ['an object without an id', { email: 'ada@example' }],
  ['an object whose id is an object', { id: { name: 'ada' } }],
  ['an object whose id is an empty text', { id: '' }],
  ['a list', ['ada']],
  ['what is no number', Number.NaN],
  ['a user for whom ownerOf says nothing', 'ada', () => undefined],
  ['a user whose name is too long to be an owner', 'x'.repeat(513)],
  ['a user whose name no store could keep', '\ud800'],
  ['a user for whom ownerOf gives a promise', 'ada', (async () => 'ada') as unknown as OwnerOf],
])('%s starts and reads nothing, and the log says once what to do', async (_what, user, ownerOf) => {
  const { app, log, start, read, connect } = setUp(user, ownerOf)
  await app.options.streams?.store.create('free')
  for (const response of [await start(), await start(), await read('/mine'), await read('/mine/free')]) {
    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({ error: { code: 'forbidden' } })
  }
  expect(await app.options.streams?.store.head('run')).toBeUndefined()
  expect(log.entries).toMatchObject([
    {
      level: 'error',
      message: expect.stringMatching(/have authenticate return .*, or pass an ownerOf/) as string,
    },
  ])
  expect(await connect()).toMatchObject({ accepted: false, status: 403 })
  await app.close()
})
