/** The client against the server, over a network that breaks. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { WebSocket as WebSocketOfWs } from 'ws'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'
import { type ClientOptions, type StreamClient, connect } from '../../src/client/index.ts'
import { sqlite } from '../../src/index.ts'
import { collect } from '../support/collect.ts'
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts'
import { numbers } from './fakes.ts'
import { type StreamsServer, startStreams } from './streams-server.ts'

const clients: StreamClient[] = []

afterEach(() => {
  for (const client of clients.splice(0)) client.close()
})

function connected(url: string, options?: ClientOptions): StreamClient {
  const client = connect(url, options)
  clients.push(client)
  return client
}

/** A client whose sockets lead nowhere from the moment on when they are blocked. */
function blockable({ url }: StreamsServer, options?: ClientOptions) {
  let blocked = false
  const webSocket = (to: string, protocol: string | string[]) =>
    new WebSocket(blocked ? to.replace('/ws', '/nowhere') : to, protocol)
  return { client: connected(url, { ...options, webSocket }), block: () => void (blocked = true) }
}

/** `fetch`, which notes the paths that it is asked for. */
function noting(paths: string[]): typeof fetch {
  return (input, init) => {
    paths.push(new URL(input instanceof Request ? input.url : input).pathname)
    return fetch(input, init)
  }
}

async function cutting(target: number): Promise<CuttingProxy> {
  const proxy = await startCuttingProxy(target)
  onTestFinished(() => proxy.close())
  return proxy
}

/** Both ways to a server. */
const endpoints = ['the socket', 'HTTP'] as const

describe.each(endpoints)('over %s', (endpoint) => {
  function clientOf(server: StreamsServer): StreamClient {
    const { client, block } = blockable(server)
    if (endpoint === 'HTTP') block()
    return client
  }

  it('a run is started, and read to its end', async () => {
    await using server = await startStreams()
    const stream = await clientOf(server).start<{ n: number }>(3, { chat: 'c' })
    expect(await collect(stream)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }])
    expect(stream).toMatchObject({ status: 'completed', done: true })
  })

  it('the same id is the same run', async () => {
    await using server = await startStreams()
    const client = clientOf(server)
    const [one, other] = await Promise.all([client.start(3, { id: 'r' }), client.start(3, { id: 'r' })])
    expect([one.id, other.id]).toEqual(['r', 'r'])
    expect(await collect(one)).toEqual(await collect(other))
  })

  it('the same id is no other question', async () => {
    await using server = await startStreams()
    const client = clientOf(server)
    await client.start({ say: 'one' }, { id: 'run' })
    await expect(client.start({ say: 'two' }, { id: 'run' })).rejects.toMatchObject({
      name: 'StreamError',
      code: 'run_differs',
    })
  })

  it('the same id is no other question while its start is under way either', async () => {
    await using server = await startStreams()
    const client = clientOf(server)
    const starts = ['one', 'two', 'one'].map((say) => client.start({ say }, { id: 'run' }))
    const [one, two, again] = await Promise.allSettled(starts)
    expect([one?.status, again?.status]).toEqual(['fulfilled', 'fulfilled'])
    expect(two).toMatchObject({ status: 'rejected', reason: { code: 'run_differs' } })
  })

  it.each([2, 7])(
    'an offset of a former stream, at %i, is lost beside other readers too',
    async (position) => {
      await using server = await startStreams()
      await server.append('s', ...numbers(0, position))
      const client = clientOf(server)
      const former = client.stream('s')
      await expect.poll(() => former.take().length && former.offset).toMatch(/^\d+_/)
      await server.store.delete('s')
      await expect.poll(() => former.status).toBe('gone')
      await server.append('s', ...numbers(100, 105))
      await server.store.append('s', { close: true })
      const [all, lost] = await Promise.allSettled([
        collect(client.stream('s')),
        collect(client.stream('s', { offset: former.offset })),
      ])
      expect(all).toMatchObject({ value: numbers(100, 105) })
      const code = expect.stringMatching(/^offset_(?:lost|past_end)$/) as unknown
      expect(lost).toMatchObject({ status: 'rejected', reason: { code } })
    },
  )

  it('a run whose start is under way is followed once it has begun', async () => {
    await using server = await startStreams()
    const client = clientOf(server)
    const starting = client.start(3, { id: 'r' })
    const followed = client.stream('r')
    expect((await collect(followed)).slice(0, 3)).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }])
    expect((await starting).id).toBe('r')
  })

  it('a page that knows its chat, and no run, finds the run under way', async () => {
    await using server = await startStreams()
    const client = clientOf(server)
    expect(await client.latest('c')).toBeUndefined()
    await client.start(3, { chat: 'c' })
    const { id } = await client.start('word', { chat: 'c' })
    const found = await clientOf(server).latest('c')
    expect(found).toMatchObject({ id, status: 'running' })
    expect(new Date(found?.startedAt ?? 0).getFullYear()).toBeGreaterThan(2000)
    await client.stop(id)
    expect(await client.latest('c')).toMatchObject({ id, status: 'stopped' })
  })

  it('a run is stopped, and keeps what came', async () => {
    await using server = await startStreams()
    const stream = await clientOf(server).start('word')
    let count = 0
    let stopped: Promise<string> | undefined
    for await (const record of stream) {
      expect(record).toBe('word')
      if (++count === 3) stopped = stream.stop()
    }
    expect([await stopped, stream.status, count >= 3]).toEqual(['stopped', 'stopped', true])
    expect(await stream.stop()).toBe('stopped')
  })

  it('a run that fails says so, and nothing of the server', async () => {
    await using server = await startStreams()
    const stream = await clientOf(server).start('fail')
    await expect(collect(stream)).rejects.toMatchObject({ code: 'failed' })
    expect(stream.status).toBe('failed')
    expect(stream.error?.message).not.toContain('secret')
  })

  it('streams of bytes come as bytes', async () => {
    await using server = await startStreams()
    const bytes = [new Uint8Array([0, 255]), new Uint8Array([1])]
    await server.store.create('b', { contentType: 'image/png', records: bytes, closed: true })
    const stream = clientOf(server).stream<Uint8Array>('b')
    expect(await collect(stream)).toEqual(bytes)
    expect(stream.status).toBe('closed')
  })

  it('a stream that is not there, and one that goes away, are errors', async () => {
    await using server = await startStreams()
    const client = clientOf(server)
    await expect(collect(client.stream('nothing'))).rejects.toMatchObject({ code: 'stream_not_found' })
    await expect(client.stop('nothing')).rejects.toMatchObject({ code: 'stream_not_found' })
    await server.append('s', 1)
    const seen: unknown[] = []
    const read = (async () => {
      for await (const record of client.stream('s')) {
        seen.push(record)
        await server.store.delete('s')
      }
    })()
    await expect(read).rejects.toMatchObject({ code: 'gone', reason: 'deleted' })
    expect(seen).toEqual([1])
  })

  it('many readers of many streams have each record once, while their connections break at random', async () => {
    await using server = await startStreams()
    const proxy = await cutting(server.port)
    const ids = numbers(0, 4).map((n) => `s${n}`)
    for (const id of ids) await server.store.create(id)
    const readers = numbers(0, 12).map((n) => {
      const { client, block } = blockable({
        ...server,
        url: server.url.replace(/\d+\/ws/, `${proxy.port}/ws`),
      })
      if (endpoint === 'HTTP') block()
      return collect(client.stream(ids[n % ids.length] ?? ''))
    })
    const over = new AbortController()
    const cut = cutAtRandom(proxy, over.signal)
    for (let from = 0; from < 600; from += 3) {
      for (const id of ids) await server.append(id, ...numbers(from, from + 3))
      await sleep(5)
    }
    for (const id of ids) await server.store.append(id, { close: true })
    over.abort()
    await cut
    for (const records of await Promise.all(readers)) expect(records).toEqual(numbers(0, 600))
  }, 30_000)

  it('a stream outlives the server', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-client-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const open = () => sqlite(join(folder, 'streams.db'))
    let server = await startStreams(open())
    const client = clientOf(server)
    await server.append('s', ...numbers(0, 3))
    const stream = client.stream<number>('s')
    const seen: number[] = []
    for await (const record of stream) {
      seen.push(record)
      if (record === 8) break
      if (record % 3 !== 2) continue
      await server[Symbol.asyncDispose]()
      server = await startStreams(open(), { port: server.port })
      await server.append('s', ...numbers(record + 1, record + 4))
    }
    await server[Symbol.asyncDispose]()
    expect(seen).toEqual(numbers(0, 9))
  })
})

describe('the fall back', () => {
  it('the fall back happens in the middle of a stream, and leaves no record out', async () => {
    await using server = await startStreams()
    const proxy = await cutting(server.port)
    const paths: string[] = []
    const url = `ws://127.0.0.1:${proxy.port}/ws`
    const { client, block } = blockable({ ...server, url }, { fetch: noting(paths) })
    const stream = await client.start('word')
    const stopped = client.stream(stream.id)
    let count = 0
    for await (const _record of stream) {
      if (++count === 3) {
        block()
        proxy.cut(0)
      }
      if (client.state === 'connected' && paths.length > 1) await client.stop(stream.id)
    }
    expect(stream.status).toBe('stopped')
    const path = `/streams/${stream.id}`
    expect(new Set(paths)).toEqual(new Set(['/streams/%40probe', path, `${path}/stop`]))
    expect(await collect(stopped)).toHaveLength(count)
  })

  it('the fall back does not happen when the server is away for a while', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-client-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const open = () => sqlite(join(folder, 'streams.db'))
    const first = await startStreams(open())
    await first.append('s', 0)
    const paths: string[] = []
    const client = connected(first.url, { fetch: noting(paths) })
    const stream = client.stream('s')
    const records = stream[Symbol.asyncIterator]()
    expect(await records.next()).toMatchObject({ value: 0 })
    await first[Symbol.asyncDispose]()
    // Away for as long as it takes the client to ask over HTTP, twice.
    await expect.poll(() => paths.length, { timeout: 10_000, interval: 5 }).toBeGreaterThan(1)
    await using second = await startStreams(open(), { port: first.port })
    await second.append('s', 1)
    expect(await records.next()).toMatchObject({ value: 1 })
    expect(new Set(paths)).toEqual(new Set(['/streams/%40probe']))
    client.close()
  })
})

it('a hundred streams share one connection', async () => {
  await using server = await startStreams()
  const proxy = await cutting(server.port)
  const client = connected(`ws://127.0.0.1:${proxy.port}/ws`)
  const ids = numbers(0, 100).map((n) => `s${n}`)
  for (const id of ids) await server.append(id, id)
  const firsts = await Promise.all(
    ids.map(async (id) => {
      for await (const record of client.stream(id)) return record
      return undefined
    }),
  )
  expect(firsts).toEqual(ids)
  expect(proxy.connections).toBe(1)
})

it('sockets of the package ws will do, and can send headers', async () => {
  await using server = await startStreams()
  await server.append('s', 0)
  const proxy = await cutting(server.port)
  const headers = { authorization: 'Bearer x' }
  const client = connected(`ws://127.0.0.1:${proxy.port}/ws`, {
    webSocket: (url, protocol) => new WebSocketOfWs(url, protocol, { headers }),
  })
  const seen: unknown[] = []
  for await (const record of client.stream('s')) {
    seen.push(record)
    if (seen.length === 2) break
    proxy.cut(0)
    await server.append('s', 1)
  }
  // Closed while it connects: sockets of ws report that as an error.
  proxy.cut(0)
  const other = connected(server.url, { webSocket: (url, protocol) => new WebSocketOfWs(url, protocol) })
  other.stream('s')
  other.close()
  expect(seen).toEqual([0, 1])
})

it('a program ends by itself once it has closed its client', async () => {
  await using server = await startStreams()
  await server.append('s', ...numbers(0, 5))
  const script = fileURLToPath(new URL('fixtures/read-and-close.ts', import.meta.url))
  const { stdout } = await promisify(execFile)('node', [script, server.url, 's'])
  expect(stdout).toBe('2\n')
})

async function cutAtRandom(proxy: CuttingProxy, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    if (proxy.connections > 0) proxy.cut(Math.floor(Math.random() * proxy.connections))
    await sleep(100)
  }
}
