/** The clients of the Durable Streams protocol, as they are published, through kills and restarts of the server. */
import { setTimeout as sleep } from 'node:timers/promises'
import { DurableStream, FetchError, IdempotentProducer, stream } from '@durable-streams/client'
import { MaterializedState, createStateSchema } from '@durable-streams/state'
import type { ChangeEvent } from '@durable-streams/state'
import { createStreamDB } from '@durable-streams/state/db'
import {
  durableStreamConnection,
  materializeSnapshotFromDurableStream,
  toDurableChatSessionResponse,
  toDurableStreamResponse,
} from '@durable-streams/tanstack-ai-transport'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { connect } from '../../src/client/index.ts'
import { temporaryFolder } from '../streams/harnesses.ts'
import { DurableStreamsServer } from './durable-streams-server.ts'

let folder: ReturnType<typeof temporaryFolder>
let server: DurableStreamsServer

/** Streams of each test lie in a folder of their own. */
let round = 0

beforeAll(async () => {
  folder = temporaryFolder()
  server = await DurableStreamsServer.start(`${folder.path}/streams.db`)
})

beforeEach(() => {
  round++
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  folder.dispose()
})

const at = (name: string): string => server.stream(`${round}/${name}`)

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n)

function createJson(name: string): Promise<DurableStream> {
  return DurableStream.create({
    url: at(name),
    contentType: 'application/json',
    warnOnHttp: false,
  })
}

/** The client's producer does not send again what a cut connection may have lost. It may: the server keeps it once. */
const patientFetch: typeof fetch = async (...request) => {
  for (;;) {
    try {
      return await fetch(...request)
    } catch {
      await sleep(20)
    }
  }
}

/** Follows a stream, and goes on behind what it has when the client gives up. */
class Follower {
  readonly seen: unknown[] = []
  readonly failures: string[] = []
  offset = '-1'
  readonly #url: string
  readonly #live: 'sse' | 'long-poll'
  readonly #left = new AbortController()
  #told = Promise.withResolvers<void>()

  constructor(url: string, live: 'sse' | 'long-poll') {
    this.#url = url
    this.#live = live
    void this.#follow()
  }

  async upTo(count: number): Promise<readonly unknown[]> {
    while (this.seen.length < count) await this.#told.promise
    return this.seen
  }

  leave(): void {
    this.#left.abort()
  }

  async #follow(): Promise<void> {
    const { signal } = this.#left
    while (!signal.aborted) {
      try {
        const response = await stream({
          url: this.#url,
          offset: this.offset,
          live: this.#live,
          json: true,
          signal,
          warnOnHttp: false,
        })
        response.subscribeJson((batch) => {
          this.seen.push(...batch.items)
          this.offset = batch.offset
          this.#told.resolve()
          this.#told = Promise.withResolvers()
        })
        await response.closed
        return
      } catch (error) {
        if (!signal.aborted) this.failures.push(String(error))
      }
    }
  }
}

describe('@durable-streams/client', () => {
  it('creates, writes, reads, closes and removes a stream', async () => {
    const handle = await createJson('chats/1')
    await handle.append(JSON.stringify({ n: 1 }))
    await handle.append(JSON.stringify({ n: 2 }))
    const response = await handle.stream({ live: false })
    expect(await response.json()).toEqual([{ n: 1 }, { n: 2 }])
    const { offset } = response
    expect(await handle.head()).toMatchObject({ exists: true, offset, contentType: 'application/json' })
    expect(await handle.close()).toEqual({ finalOffset: offset })
    const rest = await stream({ url: handle.url, offset, live: 'sse', warnOnHttp: false })
    expect(await rest.json()).toEqual([])
    expect(rest.streamClosed).toBe(true)
    await expect(handle.append('{}')).rejects.toMatchObject({ status: 409 })
    await handle.delete()
    expect(await DurableStream.head({ url: handle.url, warnOnHttp: false })).toEqual({ exists: false })
  })

  it.each(['sse', 'long-poll'] as const)('reads text and bytes as they were written, by %s', async (live) => {
    const text = await DurableStream.create({
      url: at('t'),
      contentType: 'text/plain',
      warnOnHttp: false,
    })
    for (const piece of ['one\r\n', 'two\n\n', ' thr\u00e9e']) await text.append(piece)
    const bytes = await DurableStream.create({
      url: at('b'),
      contentType: 'application/x',
      warnOnHttp: false,
    })
    const all = Uint8Array.from({ length: 256 }, (_, n) => n)
    await bytes.append(all)
    await Promise.all([text.close(), bytes.close()])
    expect(await (await text.stream({ live: 'long-poll' })).text()).toBe('one\r\ntwo\n\n thr\u00e9e')
    expect(await (await bytes.stream({ live })).body()).toEqual(all)
  })

  it.each(['sse', 'long-poll'] as const)(
    'follows by %s what is written through a kill and a restart',
    async (live) => {
      const handle = await createJson('log')
      const follower = new Follower(handle.url, live)
      const producer = new IdempotentProducer(handle, 'writer', {
        autoClaim: true,
        fetch: patientFetch,
        lingerMs: 1,
        maxBatchBytes: 100,
      })
      for (const n of numbers(0, 200)) producer.append(JSON.stringify(n))
      await follower.upTo(20)
      await server.restart('SIGKILL')
      for (const n of numbers(200, 300)) producer.append(JSON.stringify(n))
      await producer.flush()
      await server.restart('SIGTERM')
      producer.append('300')
      await producer.flush()
      expect(await follower.upTo(301)).toEqual(numbers(0, 301))
      follower.leave()
      await producer.detach()
      expect(await (await handle.stream({ live: false })).json()).toEqual(numbers(0, 301))
      // A long poll that is cut is asked again by the client; an event stream that is cut is not.
      if (live === 'long-poll') expect(follower.failures).toEqual([])
    },
  )

  it('shuts out a writer whose place another took', async () => {
    const handle = await createJson('log')
    const refused: unknown[] = []
    const writer = (epoch: number): IdempotentProducer =>
      new IdempotentProducer(handle, 'writer', {
        epoch,
        lingerMs: 1,
        onError: (error) => refused.push(error),
      })
    const [earlier, later] = [writer(0), writer(1)]
    earlier.append('1')
    await earlier.flush()
    later.append('2')
    await later.flush()
    earlier.append('3')
    await earlier.flush()
    expect(refused).toEqual([expect.objectContaining({ currentEpoch: 1 })])
    expect(await (await handle.stream({ live: false })).json()).toEqual([1, 2])
  })

  it('goes on by the same offsets as the stream socket', async () => {
    const handle = await createJson('log')
    for (const n of numbers(0, 4)) await handle.append(JSON.stringify(n))
    const client = connect(`${server.url.replace('http', 'ws')}ws`)
    const first = await handle.stream({ live: false })
    await first.json()
    await handle.append('4')
    const reader = client.stream<number>(`${round}/log`, { offset: first.offset })
    for await (const record of reader) {
      expect(record).toBe(4)
      break
    }
    const rest = await handle.stream({ offset: reader.offset, live: false })
    expect(await rest.json()).toEqual([])
    client.close()
  })

  it('is told why it is refused', async () => {
    const missing = stream({ url: at('nowhere'), live: false, warnOnHttp: false })
    await expect(missing).rejects.toMatchObject({ status: 404 })
    await createJson('log')
    const other = DurableStream.create({
      url: at('log'),
      contentType: 'text/plain',
      warnOnHttp: false,
    })
    await expect(other).rejects.toMatchObject({ status: 409 })
    const bad = stream({ url: at('log'), offset: 'nonsense', live: false, warnOnHttp: false })
    await expect(bad).rejects.toBeInstanceOf(FetchError)
  })
})

describe('@durable-streams/state', () => {
  const users = { schema: z.object({ id: z.string(), name: z.string() }), type: 'user', primaryKey: 'id' }

  it('builds its state from the stream, in memory and as a database, through a restart', async () => {
    const schema = createStateSchema({ users })
    const handle = await createJson('state')
    const change = (event: unknown): Promise<void> => handle.append(JSON.stringify(event))
    await change(schema.users.insert({ value: { id: '1', name: 'Ada' } }))
    await change(schema.users.insert({ value: { id: '2', name: 'Bob' } }))
    const db = createStreamDB({
      streamOptions: { url: handle.url, contentType: 'application/json', warnOnHttp: false },
      live: 'long-poll',
      state: schema,
    })
    await db.preload()
    expect(db.collections.users.get('2')).toMatchObject({ name: 'Bob' })
    await server.restart('SIGKILL')
    await change(schema.users.update({ value: { id: '1', name: 'Ada L.' } }))
    await change(schema.users.delete({ key: '2' }))
    await expect.poll(() => db.collections.users.get('1')).toMatchObject({ name: 'Ada L.' })
    await expect.poll(() => db.collections.users.get('2')).toBe(undefined)
    db.close()
    const state = new MaterializedState()
    for (const event of await (await handle.stream<ChangeEvent>({ live: false })).json()) state.apply(event)
    expect([...state.getType('user').values()]).toEqual([{ id: '1', name: 'Ada L.' }])
  })
})

describe('@durable-streams/tanstack-ai-transport', () => {
  const answer = async function* (text: string) {
    yield { type: 'TEXT_MESSAGE_START', messageId: 'a1', role: 'assistant' }
    for (const delta of text.split(/(?<= )/))
      yield { type: 'TEXT_MESSAGE_CONTENT', messageId: 'a1', delta, content: 'so far' }
    yield { type: 'TEXT_MESSAGE_END', messageId: 'a1' }
  }

  it('keeps a session that a page joins, leaves, and joins again', async () => {
    const writeUrl = at('chats/1')
    const response = await toDurableChatSessionResponse({
      stream: { writeUrl },
      newMessages: [{ id: 'q1', role: 'user', parts: [{ type: 'text', text: 'Why?' }] }],
      responseStream: answer('Because of the river.'),
      mode: 'await',
    })
    expect(response.status).toBe(200)
    await server.restart('SIGKILL')
    const { messages, offset } = await materializeSnapshotFromDurableStream({ readUrl: writeUrl })
    expect(messages).toEqual([
      { id: 'q1', role: 'user', parts: [{ type: 'text', content: 'Why?' }] },
      { id: 'a1', role: 'assistant', parts: [{ type: 'text', content: 'Because of the river.' }] },
    ])
    const left = new AbortController()
    const connection = durableStreamConnection({ sendUrl: 'http://127.0.0.1/unused', readUrl: writeUrl })
    const chunks = connection.subscribe(left.signal)[Symbol.asyncIterator]()
    expect((await chunks.next()).value).toEqual({ type: 'MESSAGES_SNAPSHOT', messages })
    const next = durableStreamConnection({
      sendUrl: 'http://127.0.0.1/unused',
      readUrl: writeUrl,
      ...(offset && { initialOffset: offset }),
    })
    const live = next.subscribe(left.signal)[Symbol.asyncIterator]()
    const first = live.next()
    const handle = new DurableStream({ url: writeUrl, contentType: 'application/json', warnOnHttp: false })
    await handle.append(JSON.stringify({ type: 'RUN_FINISHED' }))
    expect((await first).value).toEqual({ type: 'RUN_FINISHED' })
    left.abort()
  })

  it('writes an answer to a stream of its own, and closes it', async () => {
    const writeUrl = at('answers/1')
    const response = await toDurableStreamResponse(answer('Yes.'), { stream: { writeUrl }, mode: 'await' })
    const { finalOffset } = (await response.json()) as { finalOffset: string }
    const read = await stream({ url: writeUrl, live: 'sse', warnOnHttp: false })
    expect(await read.json()).toHaveLength(3)
    expect([read.offset, read.streamClosed]).toEqual([finalOffset, true])
  })
})
