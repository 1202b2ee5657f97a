/** Streams behind nginx as a cache, run as docs/deploying.md shows it. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { durableStreams, memory, streaming } from '../../src/index.ts'
import { type ReverseProxy, startCache } from '../support/reverse-proxy.ts'
import { type TestServer, serve } from '../support/server.ts'
import { describeWith } from '../support/services.ts'

const POLLS = 20

const JSON_TYPE = { 'content-type': 'application/json' }

describeWith(['nginx'], 'behind nginx as a cache', ({ nginx }) => {
  let streams: ReturnType<typeof streaming>
  let server: TestServer
  let cache: ReverseProxy
  /** What got through to the server, as method and path. */
  let asked: string[]

  beforeEach(async () => {
    streams = streaming({ store: memory() })
    const authenticate = ({ headers }: { headers: Headers }): unknown => headers.get('x-user') ?? undefined
    const { services } = streams
    server = await serve(
      {
        streams,
        routes: [
          durableStreams('/v1/stream/own', { ...services, authenticate }),
          durableStreams('/v1/stream', services),
        ],
      },
      { trustProxy: true, allowedHosts: ['127.0.0.1'] },
    )
    asked = []
    server.running.server.prependListener('request', ({ method, url }) => asked.push(`${method} ${url}`))
    cache = await startCache(nginx, server.running.port)
  })

  afterEach(async () => {
    await cache[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
  })

  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${cache.url}/v1/stream/${path}`, init)

  const put = (
    name: string,
    records: readonly number[],
    headers: Record<string, string> = {},
  ): Promise<Response> =>
    ask(name, { method: 'PUT', headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(records) })

  const post = (name: string, record: number, headers: Record<string, string> = {}): Promise<Response> =>
    ask(name, { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body: String(record) })

  const placeOf = ({ headers }: Response): string => headers.get('stream-next-offset') ?? ''

  test('a page is read from the server once, and told by its entity tag from then on', async () => {
    await put('log', [1, 2])
    const first = await ask('log?offset=-1')
    const second = await ask('log?offset=-1')
    expect([await first.json(), await second.json()]).toEqual([
      [1, 2],
      [1, 2],
    ])
    expect([first, second].map(({ headers }) => headers.get('x-cache'))).toEqual(['MISS', 'HIT'])
    expect(placeOf(second)).toBe(placeOf(first))
    const etag = second.headers.get('etag') ?? ''
    expect((await ask('log?offset=-1', { headers: { 'if-none-match': etag } })).status).toBe(304)
    expect(asked.filter((line) => line.startsWith('GET'))).toHaveLength(1)
    // What is known of the stream is asked anew, and is no page.
    expect(placeOf(await ask('log', { method: 'HEAD' }))).toBe(placeOf(first))
    const tail = placeOf(await post('log', 3))
    expect(placeOf(await ask('log', { method: 'HEAD' }))).toBe(tail)
  })

  test('long polls at one place are one to the server, and all are answered', async () => {
    const tail = placeOf(await put('log', [1]))
    const cursor = 1
    const path = `log?offset=${tail}&live=long-poll&cursor=${cursor}`
    const polls = Array.from({ length: POLLS }, () => ask(path))
    await expect.poll(() => streams.delivery.readers('log'), { interval: 5 }).toBe(1)
    await post('log', 2)
    const answers = await Promise.all(polls)
    expect(await Promise.all(answers.map((answer) => answer.json()))).toEqual(answers.map(() => [2]))
    expect(asked.filter((line) => line.endsWith(path))).toHaveLength(1)
    // The next place is another URL, also for whoever was given the answer of somebody else.
    const [{ headers } = new Response()] = answers
    expect(new Set(answers.map(placeOf)).size).toBe(1)
    expect(Number(headers.get('stream-cursor'))).toBeGreaterThan(0)
    const next = `log?offset=${placeOf(answers[0] ?? new Response())}&live=long-poll&cursor=${headers.get('stream-cursor')}`
    const waiting = ask(next)
    await expect.poll(() => streams.delivery.readers('log'), { interval: 5 }).toBe(1)
    await post('log', 3, { 'stream-closed': 'true' })
    const last = await waiting
    expect([await last.json(), last.headers.get('stream-closed')]).toEqual([[3], 'true'])
  })

  test('event streams come as they are written, to all their readers', async () => {
    await put('log', [1])
    const left = new AbortController()
    const read = async (): Promise<string> => {
      const response = await ask('log?offset=-1&live=sse', { signal: left.signal })
      let seen = ''
      const body = response.body?.pipeThrough(new TextDecoderStream()) as unknown as AsyncIterable<string>
      for await (const text of body) {
        seen += text
        if (seen.includes('[22]')) break
      }
      return seen
    }
    const readers = [read(), read()]
    await expect.poll(() => streams.delivery.readers('log'), { interval: 5 }).toBe(2)
    await post('log', 22)
    for (const seen of await Promise.all(readers)) expect(seen).toContain('data:[22]')
    left.abort()
  })

  test("somebody's stream is kept by nobody, and is not there for anybody else", async () => {
    const ada = { headers: { 'x-user': 'ada' } }
    await put('own/log', [1], ada.headers)
    for (let n = 0; n < 2; n++) {
      const answer = await ask('own/log?offset=-1', ada)
      expect([await answer.json(), answer.headers.get('x-cache')]).toEqual([[1], 'MISS'])
    }
    expect((await ask('own/log?offset=-1', { headers: { 'x-user': 'bob' } })).status).toBe(404)
    expect((await ask('own/log?offset=-1')).status).toBe(401)
    expect((await ask('own/log?offset=-1', ada)).status).toBe(200)
  })

  test('a close is seen behind a page that was kept before it', async () => {
    await put('log', [1])
    const before = await ask('log?offset=-1')
    const etag = before.headers.get('etag') ?? ''
    await ask('log', { method: 'POST', headers: { 'stream-closed': 'true' } })
    const kept = await ask('log?offset=-1')
    expect([kept.headers.get('x-cache'), kept.headers.get('stream-closed')]).toEqual(['HIT', null])
    const end = await ask(`log?offset=${placeOf(kept)}&live=long-poll`)
    expect([end.status, end.headers.get('stream-closed')]).toEqual([204, 'true'])
    // Once it is asked for again it is another page, whoever has the one before.
    const after = await ask('log?offset=-1&again', { headers: { 'if-none-match': etag } })
    expect([after.status, after.headers.get('stream-closed')]).toEqual([200, 'true'])
    expect(after.headers.get('etag')).not.toBe(etag)
  })

  test('what was removed is in no answer but those that are kept, and its places lead nowhere', async () => {
    await put('log', [1])
    const before = await ask('log?offset=-1')
    await ask('log', { method: 'DELETE' })
    expect((await ask('log?offset=-1&again')).status).toBe(404)
    await put('log', [2])
    // That nothing was there is kept by nobody.
    expect(await (await ask('log?offset=-1&again')).json()).toEqual([2])
    expect((await ask('log?offset=-1')).headers.get('x-cache')).toBe('HIT')
    expect((await ask(`log?offset=${placeOf(before)}`)).status).toBe(410)
  })
})
