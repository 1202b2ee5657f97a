/** The store that the package `assistant-stream` asks for, on each store, and under the package as it is published. */
import { createResumableStreamContext } from 'assistant-stream/resumable'
import { afterEach, describe, expect, it } from 'vitest'
import { assistantStreams } from '../../src/adapters/assistant-stream.ts'
import type { AssistantStreams } from '../../src/adapters/assistant-stream.ts'
import type { AdapterOptions } from '../../src/adapters/settings.ts'
import { memory } from '../../src/streams/memory/store.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import { InterposedStore } from '../runs/interposed-store.ts'
import { onEachStore } from './on-each-store.ts'
import { never, Source, TextReader } from './source.ts'

/** Seconds: short, for those whose producer dies. */
const LEASE = 0.1

const opened: AssistantStreams[] = []
const left = new AbortController()

afterEach(async () => {
  await Promise.all(opened.splice(0).map((streams) => streams.close()))
})

function streamsOn(store: StreamStore, options: AdapterOptions = {}): AssistantStreams {
  const streams = assistantStreams(store, options)
  opened.push(streams)
  return streams
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Reads to the end, or until so many entries. */
async function read(
  streams: AssistantStreams,
  cursor = '',
  atMost = Infinity,
  signal: AbortSignal = left.signal,
): Promise<{ texts: string[]; cursors: string[]; error?: unknown }> {
  const texts: string[] = []
  const cursors: string[] = []
  try {
    for await (const entry of streams.read('a', cursor, signal)) {
      texts.push(Buffer.from(entry.chunk).toString())
      cursors.push(entry.cursor)
      if (texts.length >= atMost) break
    }
    return { texts, cursors }
  } catch (error) {
    return { texts, cursors, error }
  }
}

/** What is said once it is no longer "streaming": a look that was under way may have seen it so. */
async function settled(streams: AssistantStreams): Promise<string> {
  for (;;) {
    const status = await streams.status('a')
    if (status !== 'streaming') return status
  }
}

async function leaseOf(streams: AssistantStreams): Promise<{ token: string }> {
  const acquired = await streams.acquireLease('a')
  if (acquired.role !== 'producer') throw new Error('It is there.')
  return acquired.lease
}

onEachStore((openWorld) => {
  it('has one producer of those who ask at the same time', async () => {
    const { store, elsewhere } = openWorld()
    const all = [streamsOn(store), streamsOn(elsewhere), streamsOn(store)]
    const roles = await Promise.all(all.map((streams) => streams.acquire('a')))
    expect(roles.filter((role) => role === 'producer')).toHaveLength(1)
    expect(await all[0]?.acquireLease('a')).toEqual({ role: 'consumer' })
  })

  it('gives what there is, what comes, and the end, in every process', async () => {
    const { store, elsewhere } = openWorld()
    const [here, there] = [streamsOn(store), streamsOn(elsewhere)]
    expect(await there.status('a')).toBe('missing')
    const lease = await leaseOf(here)
    await here.append('a', bytes('one'), lease)
    const early = [read(there), read(here)]
    expect((await read(there, '', 1)).texts).toEqual(['one'])
    await here.append('a', bytes(''), lease)
    await here.append('a', Uint8Array.of(0, 255, 10), lease)
    expect(await there.status('a')).toBe('streaming')
    expect(await here.finalize('a', 'done', undefined, lease)).toBe(true)
    expect(await here.status('a')).toBe('done')
    const texts = ['one', Buffer.from([0, 255, 10]).toString()]
    for (const result of await Promise.all([...early, read(there)])) expect(result.texts).toEqual(texts)
    expect(await there.acquire('a')).toBe('consumer')
    expect(await there.status('a')).toBe('done')
  })

  it('goes on behind each cursor, in another process too', async () => {
    const { store, elsewhere } = openWorld()
    const [here, there] = [streamsOn(store), streamsOn(elsewhere)]
    const lease = await leaseOf(here)
    await Promise.all(['1', '2', '3'].map((text) => here.append('a', bytes(text), lease)))
    await here.finalize('a', 'done', undefined, lease)
    const { cursors } = await read(here)
    expect(new Set(cursors).size).toBe(3)
    for (const [index, cursor] of cursors.entries()) {
      expect((await read(there, cursor)).texts).toEqual(['1', '2', '3'].slice(index + 1))
    }
  })

  it('ends as an error behind what there is, with what was said', async () => {
    const { store, elsewhere } = openWorld()
    const [here, there] = [streamsOn(store), streamsOn(elsewhere)]
    const lease = await leaseOf(here)
    await here.append('a', bytes('half'), lease)
    expect(await here.finalize('a', 'error', 'no credits left', lease)).toBe(true)
    const result = await read(there)
    expect(result).toMatchObject({ texts: ['half'], error: { message: 'no credits left' } })
    expect(await there.status('a')).toBe('error')
    expect(await here.finalize('a', 'done', undefined, lease)).toBe(false)
    await expect(here.append('a', bytes('more'), lease)).rejects.toMatchObject({ code: 'finalized' })
  })

  it('keeps a producer out that lost its stream to a later one', async () => {
    const { store, elsewhere } = openWorld()
    const [here, there] = [streamsOn(store), streamsOn(elsewhere)]
    const earlier = await leaseOf(here)
    await here.append('a', bytes('old'), earlier)
    const reading = here.read('a', '', left.signal)[Symbol.asyncIterator]()
    expect((await reading.next()).value).toMatchObject({ chunk: bytes('old') })
    await there.delete('a')
    const later = await leaseOf(there)
    await there.append('a', bytes('new'), later)
    await expect(here.append('a', bytes('late'), earlier)).rejects.toMatchObject({ code: 'missing' })
    expect(await here.finalize('a', 'done', undefined, earlier)).toBe(false)
    expect(await there.status('a')).toBe('streaming')
    expect(await there.finalize('a', 'done', undefined, later)).toBe(true)
    expect((await read(here)).texts).toEqual(['new'])
    expect(await reading.next()).toEqual({ done: true, value: undefined })
  })

  it('ends as an error when its producer died, for those who wait and for those who come', async () => {
    const { store, elsewhere, advance } = openWorld()
    const process = new InterposedStore(store)
    const here = assistantStreams(process.store, { leaseTtl: LEASE })
    const there = streamsOn(elsewhere, { leaseTtl: LEASE })
    const lease = await leaseOf(here)
    await here.append('a', bytes('half'), lease)
    const reading = read(there)
    expect((await read(there, '', 1)).texts).toEqual(['half'])
    process.kill()
    advance(LEASE * 1000)
    expect(await settled(there)).toBe('error')
    const interrupted = {
      texts: ['half'],
      error: { message: expect.stringContaining('interrupted') as string },
    }
    expect(await reading).toMatchObject(interrupted)
    expect(await there.acquire('a')).toBe('consumer')
    expect(await read(there)).toMatchObject(interrupted)
  })

  it('is forgotten when its time is over, which each chunk prolongs', async () => {
    const { store, elsewhere, advance } = openWorld()
    let now = 0
    const pass = (milliseconds: number): void => {
      now += milliseconds
      advance(milliseconds)
    }
    const here = streamsOn(store, { monotonic: () => now })
    const there = streamsOn(elsewhere, { monotonic: () => now })
    const acquired = await here.acquireLease('a', { ttlMs: 1000 })
    if (acquired.role !== 'producer') throw new Error('It is there.')
    pass(900)
    await here.append('a', bytes('x'), acquired.lease)
    pass(900)
    expect(await there.status('a')).toBe('streaming')
    const waiting = read(there)
    expect((await read(there, '', 1)).texts).toEqual(['x'])
    pass(200)
    expect(await settled(there)).toBe('missing')
    expect(await waiting).toMatchObject({ texts: ['x'] })
    await expect(here.append('a', bytes('late'), acquired.lease)).rejects.toMatchObject({ code: 'missing' })
    expect(await there.acquire('a')).toBe('producer')
  })

  it('is read no further by whoever leaves', async () => {
    const { store, elsewhere } = openWorld()
    const [here, there] = [streamsOn(store), streamsOn(elsewhere)]
    const lease = await leaseOf(here)
    await here.append('a', bytes('x'), lease)
    const leaving = new AbortController()
    const reading = read(there, '', Infinity, leaving.signal)
    expect((await read(there, '', 1)).texts).toEqual(['x'])
    leaving.abort()
    expect((await reading).error).toBe(undefined)
    expect(await read(there, '', 2, AbortSignal.abort())).toEqual({ texts: [], cursors: [] })
  })

  it('resumes what the package produces, in another process', async () => {
    const { store, elsewhere } = openWorld()
    const tasks: Promise<unknown>[] = []
    const here = createResumableStreamContext({
      store: streamsOn(store),
      waitUntil: (task) => void tasks.push(task),
    })
    const there = createResumableStreamContext({ store: streamsOn(elsewhere) })
    const source = new Source<Uint8Array>()
    const decoded = (stream: ReadableStream<Uint8Array> | null): TextReader =>
      new TextReader(stream?.pipeThrough(new TextDecoderStream()))
    const producer = decoded(await here.run('a', () => source.stream))
    source.give(bytes('one '))
    await producer.upTo('one ')
    const resumed = decoded(await there.resume('a'))
    const running = decoded(await there.run('a', never))
    expect(await resumed.upTo('one ')).toBe('one ')
    source.give(bytes('two'))
    source.end()
    await Promise.all(tasks)
    for (const reader of [producer, resumed, running]) expect(await reader.all()).toBe('one two')
    expect(await there.status('a')).toBe('done')
  })
})

describe('the streams of assistant-stream', () => {
  it('take ids as the package does', async () => {
    const streams = streamsOn(memory())
    const most = `${'a'.repeat(250)}_.:-0Z`
    expect(await streams.acquire(most)).toBe('producer')
    for (const id of ['', `${most}a`, 'a b', 'a/b', 'é']) {
      await expect(streams.acquire(id)).rejects.toMatchObject({ code: 'invalid-id' })
      await expect(streams.status(id)).rejects.toMatchObject({ code: 'invalid-id' })
    }
  })

  it('say what is missing', async () => {
    const streams = streamsOn(memory())
    await expect(streams.append('a', bytes('x'))).rejects.toMatchObject({ code: 'missing' })
    await expect(streams.finalize('a', 'done')).rejects.toMatchObject({ code: 'missing' })
    expect((await read(streams)).error).toMatchObject({ code: 'missing' })
    await streams.delete('a')
  })

  it('refuse a chunk that the store cannot keep, and go on', async () => {
    const streams = streamsOn(memory({ limits: { recordBytes: 4 } }))
    await streams.acquire('a')
    await expect(streams.append('a', bytes('12345'))).rejects.toThrow('5 bytes: the store takes 4')
    await streams.append('a', bytes('1234'))
    await streams.finalize('a', 'done')
    expect((await read(streams)).texts).toEqual(['1234'])
  })

  it('refuse a cursor of another history', async () => {
    const streams = streamsOn(memory())
    await streams.acquire('a')
    await streams.append('a', bytes('x'))
    const { cursors } = await read(streams, '', 1)
    await streams.delete('a')
    await streams.acquire('a')
    await streams.append('a', bytes('y'))
    expect((await read(streams, cursors[0])).error).toMatchObject({ code: 'missing' })
    expect((await read(streams, 'nonsense')).error).toMatchObject({ code: 'invalid_offset' })
  })

  it('are hidden from endpoints, and of nobody, unless it is said otherwise', async () => {
    const store = memory()
    await streamsOn(store).acquire('a')
    await streamsOn(store, { prefix: 'answers/', owner: (id) => `owner of ${id}` }).acquire('a')
    const { streams } = await store.list()
    expect(streams).toMatchObject([
      { id: '@assistant-stream/a', contentType: 'application/octet-stream' },
      { id: 'answers/a', owner: 'owner of a' },
    ])
    expect(streams[0]).not.toHaveProperty('owner')
  })

  it('end as an error when their producer is closed', async () => {
    const store = memory()
    const streams = assistantStreams(store)
    await streams.acquire('a')
    await streams.append('a', bytes('half'))
    const reading = read(streamsOn(store))
    await streams.close()
    expect(await reading).toMatchObject({ texts: ['half'], error: expect.any(Error) as Error })
    await expect(streams.acquire('b')).rejects.toThrow('closed')
  })
})
