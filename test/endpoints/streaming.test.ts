/** The durable half of an application, put together as users do. */
import { http, httpStreams, memory, millrace, silentLogger, streamSocket, streaming } from 'millrace'
import { WebSocketCommunicator } from 'millrace/testing'
import { expect, test } from 'vitest'

function application() {
  const streams = streaming({ store: memory() })
  const routes = [
    streamSocket('/ws/streams/', streams.services),
    httpStreams('/streams', streams.services),
    http('/open', () => new Response('open')),
  ]
  const authenticate = (request: Request) => request.headers.get('x-user')
  return millrace({ streams, routes, authenticate, logger: silentLogger })
}

test("the application's own authentication holds for streams over HTTP, and for no other HTTP route", async () => {
  const app = application()
  const run = await app.runs.start({ owner: 'ann' }, async function* () {
    yield { text: 'hers' }
  })
  await run.end
  const ask = async (path: string, user?: string) => {
    const headers = user === undefined ? {} : { 'x-user': user }
    return await app.fetch(new Request(`http://testserver${path}`, { headers }))
  }
  expect((await ask(`/streams/${run.id}`)).status).toBe(401)
  expect((await ask(`/streams/${run.id}`, 'bob')).status).toBe(404)
  const hers = await ask(`/streams/${run.id}`, 'ann')
  expect(hers.status).toBe(200)
  expect(await hers.json()).toEqual([{ text: 'hers' }])
  expect(hers.headers.get('stream-end')).toBe('{"status":"completed"}')
  expect((await ask('/open')).status).toBe(200)
  await app.close()
})

test('a stream over the socket is its owner’s alone', async () => {
  const app = application()
  const run = await app.runs.start({ owner: 'ann' }, async function* () {
    yield 1
  })
  await run.end
  for (const [user, expected] of [
    ['ann', { type: 'subscribed', sub: 1 }],
    ['bob', { type: 'error', sub: 1, code: 'stream_not_found' }],
  ] as const) {
    await using client = new WebSocketCommunicator(app, '/ws/streams/', {
      headers: { 'x-user': user },
      subprotocols: ['millrace.v1'],
    })
    expect(await client.connect()).toMatchObject({ accepted: true })
    client.sendJson({ type: 'subscribe', sub: 1, stream: run.id })
    expect(await client.receiveJson()).toMatchObject(expected)
  }
  await app.close()
})

test.each([-1, 2_147_484, Number.POSITIVE_INFINITY])('a grace of %d seconds is refused', (shutdownGrace) => {
  expect(() => streaming({ store: memory(), shutdownGrace })).toThrow(/^shutdownGrace is .* seconds$/)
})

test('an application without streams says what it lacks', () => {
  expect(() => millrace({ logger: silentLogger }).runs).toThrow('streaming({ store })')
})
