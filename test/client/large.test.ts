/** What is larger than 1 MiB: an image in one piece of an answer, a prompt with a document in it. */
import { expect, it, onTestFinished } from 'vitest'
import { connect, StreamError } from '../../src/client/index.ts'
import { memory, sqlite } from '../../src/index.ts'
import type { Json, StreamStore } from '../../src/index.ts'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startStreams } from './streams-server.ts'

const MIB = 1024 * 1024

/** Notes the requests that a client makes. */
function noting(requests: string[]): typeof fetch {
  return (input, init) => {
    requests.push(
      `${init?.method ?? 'GET'} ${new URL(input instanceof Request ? input.url : input).pathname}`,
    )
    return fetch(input, init)
  }
}

async function sqliteStore(): Promise<StreamStore> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-large-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return sqlite(join(folder, 'streams.db'))
}

it.each([
  ['memory', async () => memory()],
  ['SQLite', sqliteStore],
])('an input of 5 MiB starts a run, which yields it in one piece (%s)', async (_, storeOf) => {
  await using server = await startStreams(await storeOf())
  const requests: string[] = []
  const client = connect(server.url, { fetch: noting(requests) })
  onTestFinished(() => client.close())
  const prompt = 'é'.repeat((5 * MIB) / 2)
  const answer = await client.start(prompt, { id: 'large' })
  expect(requests).toEqual(['POST /streams'])
  const [first] = await Array.fromAsync(take(answer, 1))
  expect(first === prompt).toBe(true)
  // Over HTTP it is the same.
  const page = (await (
    await fetch(`${server.url.replace(/^ws(.*)\/ws$/, 'http$1')}/streams/large`)
  ).json()) as Json[]
  expect(page[0] === prompt).toBe(true)
  // It repeats its input, and soon has said as much as a run may.
  await client.stop('large')
  // What fits goes over the WebSocket.
  await client.start('x'.repeat(MIB / 2))
  expect(requests).toEqual(['POST /streams'])
})

it('an input that is too large for the server is refused, and says so', async () => {
  await using server = await startStreams()
  const client = connect(server.url)
  onTestFinished(() => client.close())
  const start = client.start('x'.repeat(9 * MIB))
  await expect(start).rejects.toBeInstanceOf(StreamError)
  await expect(start).rejects.toMatchObject({ code: 'request_too_large' })
  // The connection is none the worse for it.
  expect(await Array.fromAsync(await client.start(2))).toEqual([{ n: 0 }, { n: 1 }])
})

it('where streams are not served over HTTP, a socket with room for it takes a large input', async () => {
  await using server = await startStreams(memory(), { maxMessageSize: 4 * MIB })
  const client = connect(server.url, { http: '/elsewhere' })
  onTestFinished(() => client.close())
  const answer = await client.start('x'.repeat(2 * MIB))
  for await (const record of take(answer, 1)) expect(record).toHaveLength(2 * MIB)
})

async function* take<Item>(items: AsyncIterable<Item>, count: number): AsyncGenerator<Item> {
  let taken = 0
  for await (const item of items) {
    yield item
    if (++taken === count) return
  }
}
