/** The package `resumable-stream` as it is published, its streams kept in each store. */
import { setImmediate as turn } from 'node:timers/promises'
import { createResumableStreamContext } from 'resumable-stream/generic'
import type { ResumableStreamContext } from 'resumable-stream/generic'
import { afterEach, describe, expect, it } from 'vitest'
import { DONE_MESSAGE } from '../../src/adapters/resumable-reader.ts'
import { type ResumableStreamsOptions, resumableStreams } from '../../src/adapters/resumable-stream.ts'
import { memory } from '../../src/streams/memory/store.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import { InterposedStore } from '../runs/interposed-store.ts'
import { RecordingLogger } from '../runs/recording-logger.ts'
import { onEachStore } from './on-each-store.ts'
import { never, Source, TextReader } from './source.ts'

/** Seconds: short, for those whose producer dies. */
const LEASE = 0.1

const open: (() => Promise<void>)[] = []

afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()))
})

function contextOn(store: StreamStore, options: ResumableStreamsOptions = {}): ResumableStreamContext {
  const streams = resumableStreams(store, options)
  open.push(streams.close)
  return createResumableStreamContext({ waitUntil: null, keyPrefix: 'app', ...streams })
}

onEachStore((openWorld) => {
  it('gives a late reader in another process all of it, and then what comes', async () => {
    const { store, elsewhere } = openWorld()
    const here = contextOn(store)
    const there = contextOn(elsewhere)
    const source = new Source<string>()
    const producer = new TextReader(await here.resumableStream('answer', () => source.stream))
    source.give('One, ', 'two, ')
    expect(await producer.upTo('One, two, ')).toBe('One, two, ')
    const readers = [
      new TextReader(await there.resumableStream('answer', never)),
      new TextReader(await there.resumeExistingStream('answer')),
      new TextReader(await here.resumeExistingStream('answer')),
    ]
    for (const reader of readers) expect(await reader.upTo('One, ')).toMatch(/^One, /)
    source.give('three')
    source.end()
    for (const reader of [...readers, producer]) expect(await reader.all()).toBe('One, two, three')
  })

  it('says everywhere whether there is one, and gives none that is done', async () => {
    const { store, elsewhere } = openWorld()
    const here = contextOn(store)
    const there = contextOn(elsewhere)
    expect(await there.hasExistingStream('answer')).toBe(null)
    expect(await there.resumeExistingStream('answer')).toBe(undefined)
    const source = new Source<string>()
    const producer = new TextReader(await here.createNewResumableStream('answer', () => source.stream))
    expect(await there.hasExistingStream('answer')).toBe(true)
    source.end()
    await producer.all()
    // Whoever is told of the end by the process that made it finds it made.
    expect(await here.hasExistingStream('answer')).toBe('DONE')
    for (const context of [here, there]) {
      expect(await context.resumableStream('answer', never)).toBe(null)
      expect(await context.resumeExistingStream('answer')).toBe(null)
    }
  })

  it('has one producer of those who ask at the same time', async () => {
    const { store, elsewhere } = openWorld()
    const contexts = [contextOn(store), contextOn(elsewhere), contextOn(store), contextOn(elsewhere)]
    let produced = 0
    const make = (): ReadableStream<string> => {
      produced++
      return new ReadableStream({
        start(controller) {
          controller.enqueue('the only one')
          controller.close()
        },
      })
    }
    const given = await Promise.all(contexts.map((context) => context.resumableStream('answer', make)))
    const texts = await Promise.all(
      given.filter((stream) => stream !== null).map((stream) => new TextReader(stream).all()),
    )
    expect(produced).toBe(1)
    expect(new Set(texts)).toEqual(new Set(['the only one']))
  })

  it.each([
    [0, '0123456789'],
    [4, '456789'],
    [5, '56789'],
    [10, ''],
    [99, ''],
    [-3, '0123456789'],
  ])('goes on behind %i characters', async (skip, rest) => {
    const { store, elsewhere } = openWorld()
    const source = new Source<string>()
    const producer = new TextReader(await contextOn(store).resumableStream('answer', () => source.stream))
    source.give('0123', '456')
    await producer.upTo('0123456')
    const reader = new TextReader(await contextOn(elsewhere).resumeExistingStream('answer', skip))
    source.give('7', '89')
    source.end()
    expect(await reader.all()).toBe(rest)
  })

  it('keeps a text as it was, whatever stands in it', async () => {
    const { store, elsewhere } = openWorld()
    const texts = ['\uD83D', '\uDE00 ', '\u2028"\\', '', DONE_MESSAGE, 'DONE', `a${DONE_MESSAGE}b`]
    const source = new Source<string>()
    const producer = new TextReader(await contextOn(store).resumableStream('answer', () => source.stream))
    const reader = new TextReader(await contextOn(elsewhere).resumeExistingStream('answer'))
    for (const text of texts) {
      source.give(text)
      await producer.upTo(producer.text + text)
    }
    source.end()
    expect(await reader.all()).toBe(texts.join(''))
  })

  it('gives what a producer left that died, and then ends', async () => {
    const { store, elsewhere, advance } = openWorld()
    const process = new InterposedStore(store)
    const source = new Source<string>()
    const producer = new TextReader(
      await contextOn(process.store, { leaseTtl: LEASE }).resumableStream('answer', () => source.stream),
    )
    const there = contextOn(elsewhere, { leaseTtl: LEASE, interrupted: ' [interrupted]' })
    source.give('half an ans')
    await producer.upTo('half an ans')
    const reader = new TextReader(await there.resumeExistingStream('answer'))
    expect(await reader.upTo('half an ans')).toBe('half an ans')
    process.kill()
    advance(LEASE * 1000)
    expect(await reader.all()).toBe('half an ans [interrupted]')
    // It is not done: what there is can be read again, and nobody produces it anew.
    expect(await there.hasExistingStream('answer')).toBe(true)
    const again = new TextReader(await there.resumableStream('answer', never))
    expect(await again.all()).toBe('half an ans [interrupted]')
    open.length = 0
  })

  it('lets a reader leave, and goes on for the others', async () => {
    const { store, elsewhere } = openWorld()
    const watched = new InterposedStore(elsewhere)
    const there = contextOn(watched.store)
    const source = new Source<string>()
    const producer = new TextReader(await contextOn(store).resumableStream('answer', () => source.stream))
    const leaving = new TextReader(await there.resumeExistingStream('answer'))
    const staying = new TextReader(await there.resumeExistingStream('answer'))
    source.give('one ')
    await leaving.upTo('one ')
    await leaving.leave()
    await producer.leave()
    const reads = watched.count('read')
    source.give('two')
    source.end()
    expect(await staying.all()).toBe('one two')
    expect(watched.count('read')).toBeLessThanOrEqual(reads + 3)
  })

  it('gives the later of two producers of one id', async () => {
    const { store, elsewhere } = openWorld()
    const here = contextOn(store)
    const [earlier, later] = [new Source<string>(), new Source<string>()]
    const first = new TextReader(await here.createNewResumableStream('answer', () => earlier.stream))
    earlier.give('the first ')
    await first.upTo('the first ')
    await here.createNewResumableStream('answer', () => later.stream)
    later.give('the second ')
    earlier.give('goes on')
    earlier.end()
    expect(await first.all()).toBe('the first goes on')
    const reader = new TextReader(await contextOn(elsewhere).resumeExistingStream('answer'))
    later.give('alone')
    later.end()
    expect(await reader.all()).toBe('the second alone')
  })

  it('forgets a stream a day after its last text, and not before', async () => {
    const { store, elsewhere, advance } = openWorld()
    const here = contextOn(store)
    const there = contextOn(elsewhere)
    const source = new Source<string>()
    await here.resumableStream('answer', () => source.stream)
    source.end()
    while ((await here.hasExistingStream('answer')) !== 'DONE') await turn()
    await elsewhere.sweep()
    advance(86_400_000 - 1000)
    expect(await there.hasExistingStream('answer')).toBe('DONE')
    advance(2000)
    expect(await there.hasExistingStream('answer')).toBe(null)
    expect(await elsewhere.sweep()).toBe(1)
    expect((await elsewhere.list()).streams).toEqual([])
  })

  it('ends what it produces as interrupted when it is closed', async () => {
    const { store, elsewhere } = openWorld()
    const streams = resumableStreams(store)
    const here = createResumableStreamContext({ waitUntil: null, ...streams })
    const there = createResumableStreamContext({ waitUntil: null, ...resumableStreams(elsewhere) })
    const source = new Source<string>()
    await here.resumableStream('answer', () => source.stream)
    const reader = new TextReader(await there.resumeExistingStream('answer'))
    source.give('so far')
    await reader.upTo('so far')
    await streams.close()
    expect(await reader.all()).toBe('so far')
    const { streams: kept } = await store.list()
    expect(kept).toMatchObject([{ closed: true, end: { status: 'failed', reason: 'interrupted' } }])
  })
})

describe('the streams of resumable-stream', () => {
  it('are hidden from endpoints, and of nobody, unless it is said otherwise', async () => {
    const store = memory()
    const hidden = contextOn(store)
    const shown = contextOn(store, { prefix: 'answers/', owner: (id) => `owner of ${id}` })
    for (const context of [hidden, shown])
      await context.resumableStream('chat 1/é%', () => new Source<string>().stream)
    const { streams } = await store.list()
    expect(streams.map(({ id, owner }) => [id, owner])).toEqual([
      ['@resumable-stream/app/chat%201/%C3%A9%25', undefined],
      ['answers/app/chat%201/%C3%A9%25', 'owner of chat 1/é%'],
    ])
  })

  it('go on for the producer when they cannot be kept, and end for readers', async () => {
    const inner = memory({ limits: { recordBytes: 20 } })
    const logger = new RecordingLogger()
    const context = contextOn(inner, { logger })
    const source = new Source<string>()
    const producer = new TextReader(await context.resumableStream('answer', () => source.stream))
    const reader = new TextReader(await context.resumeExistingStream('answer'))
    source.give('short, ')
    await producer.upTo('short, ')
    source.give('and this is longer than a record may be', ', short')
    source.end()
    expect(await producer.all()).toBe('short, and this is longer than a record may be, short')
    expect(await reader.all()).toBe('short, ')
    expect(await context.hasExistingStream('answer')).toBe(true)
    expect(logger.messages('error')).toHaveLength(1)
  })

  it('end for a reader whose store fails for good', async () => {
    const store = new InterposedStore(memory())
    const logger = new RecordingLogger()
    const context = contextOn(store.store, { logger, interrupted: '!' })
    const source = new Source<string>()
    await context.resumableStream('answer', () => source.stream)
    const reader = new TextReader(await context.resumeExistingStream('answer'))
    store.around = async (method, call) => {
      if (method === 'read') throw new Error('the disk is gone')
      return call()
    }
    source.give('never read')
    expect(await reader.all()).toBe('!')
    expect(logger.messages('error')).toEqual(['stream could not be read further'])
  })

  it('are refused at once when they are gone between the look and the request', async () => {
    const store = new InterposedStore(memory())
    const context = contextOn(store.store)
    await context.resumableStream('answer', () => new Source<string>().stream)
    let looks = 0
    store.around = async (method, call, [id]) => {
      if (method === 'head' && looks++ === 1) await store.store.delete(id as string)
      return call()
    }
    await expect(context.resumeExistingStream('answer')).rejects.toThrow('no such stream any more')
  })

  it('are not made anew where others were forked from the one before', async () => {
    const store = memory()
    const context = contextOn(store)
    await context.createNewResumableStream('answer', () => new Source<string>().stream)
    await store.create('fork', { from: { id: '@resumable-stream/app/answer' } })
    const again = context.createNewResumableStream('answer', () => new Source<string>().stream)
    await expect(again).rejects.toThrow('forked')
    await expect(context.resumableStream('answer', never)).rejects.toThrow('forked')
  })

  it('know no keys but those of the package', async () => {
    const { publisher, subscriber } = resumableStreams(memory())
    await expect(publisher.get('session:1')).rejects.toThrow(RangeError)
    await expect(publisher.set('app:rs:chunk:1', '1')).rejects.toThrow(RangeError)
    await expect(publisher.publish('news', 'x')).rejects.toThrow(RangeError)
    await expect(subscriber.subscribe('app:rs:sentinel:1', () => undefined)).rejects.toThrow(RangeError)
  })

  it.each([
    ['ttl', { ttl: 0 }],
    ['leaseTtl', { leaseTtl: 0.01 }],
    ['prefix', { prefix: 'a b' }],
  ])('refuse an option %s that makes no sense', (name, options) => {
    expect(() => resumableStreams(memory(), options)).toThrow(name)
  })
})
