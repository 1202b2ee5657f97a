/** Both packages over a process that is killed in the middle of what it produces, and another one that resumes it. */
import { createResumableStreamContext as assistantContext } from 'assistant-stream/resumable'
import { createResumableStreamContext } from 'resumable-stream/generic'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { assistantStreams } from '../../src/adapters/assistant-stream.ts'
import { resumableStreams } from '../../src/adapters/resumable-stream.ts'
import { openStore } from '../../src/streams/open-store.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import { ClumsyProcess } from '../support/clumsy-process.ts'
import { RedisServer } from '../support/redis.ts'
import { describeWith } from '../support/services.ts'
import { temporaryFolder } from '../streams/harnesses.ts'
import { never, TextReader } from './source.ts'

/** Seconds that the test waits for, and longer than a busy machine keeps a process from renewing. */
const LEASE = 1

const here = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href)

/** Produces a piece for each line that it is told, and says each that its own reader got. */
const producer = (where: string): string => `
  import { createInterface } from 'node:readline'
  import { createResumableStreamContext } from ${JSON.stringify(import.meta.resolve('resumable-stream/generic'))}
  import { createResumableStreamContext as assistantContext } from ${JSON.stringify(import.meta.resolve('assistant-stream/resumable'))}
  import { openStore } from ${here('../../src/streams/open-store.ts')}
  import { assistantStreams } from ${here('../../src/adapters/assistant-stream.ts')}
  import { resumableStreams } from ${here('../../src/adapters/resumable-stream.ts')}
  const store = openStore(${JSON.stringify(where)})
  const options = { leaseTtl: ${LEASE} }
  const controllers = []
  const source = () => new ReadableStream({ start: (controller) => void controllers.push(controller) })
  const text = await createResumableStreamContext({ waitUntil: null, ...resumableStreams(store, options) }).resumableStream('a', source)
  const bytes = await assistantContext({ store: assistantStreams(store, options) }).run('a', () => source().pipeThrough(new TextEncoderStream()))
  const readers = [text.getReader(), bytes.getReader()]
  console.log(JSON.stringify({ message: 'ready' }))
  for await (const line of createInterface({ input: process.stdin })) {
    for (const controller of controllers) controller.enqueue(line)
    for (const reader of readers) await reader.read()
    console.log(JSON.stringify({ message: line }))
  }
`

const stores: StreamStore[] = []

function open(where: string): StreamStore {
  const store = openStore(where)
  stores.push(store)
  return store
}

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()))
})

function itOutlivesAKill(where: () => string): void {
  it('is resumed by another process, up to where it came, and then ends', async () => {
    await using killed = await ClumsyProcess.start(producer(where()))
    const pieces = ['one ', 'two ', 'three ']
    for (const piece of pieces) {
      killed.write(`${piece}\n`)
      expect((await killed.next()).message).toBe(piece)
    }
    const options = { leaseTtl: LEASE }
    const resumable = resumableStreams(open(where()), { ...options, interrupted: '[interrupted]' })
    const context = createResumableStreamContext({ waitUntil: null, ...resumable })
    const assistant = assistantStreams(open(where()), options)
    const before = new TextReader(await context.resumeExistingStream('a'))
    // What its own reader has got may come a moment before it is kept.
    const all = pieces.join('')
    expect(await before.upTo(all)).toBe(all)
    killed.signal('SIGKILL')
    await killed.exited
    const after = new TextReader(await context.resumableStream('a', never, 'one '.length))
    expect(await after.upTo('two three ')).toBe('two three ')
    expect(await before.all()).toBe(`${all}[interrupted]`)
    expect(await after.all()).toBe('two three [interrupted]')
    const decoded = await assistantContext({ store: assistant }).resume('a')
    const reader = new TextReader(decoded?.pipeThrough(new TextDecoderStream()))
    await expect(reader.all()).rejects.toThrow('interrupted')
    expect(reader.text).toBe(all)
    expect(await assistant.status('a')).toBe('error')
    await Promise.all([resumable.close(), assistant.close()])
  })
}

describe('a stream whose process is killed, on SQLite', () => {
  const folder = temporaryFolder()
  afterEach(folder.dispose)
  itOutlivesAKill(() => `${folder.path}/streams.db`)
})

describeWith(['redis'], 'a stream whose process is killed, on Redis', ({ redis }) => {
  let server: RedisServer
  beforeEach(async () => {
    server = await RedisServer.start(redis)
  })
  afterEach(() => server.stop())
  itOutlivesAKill(() => server.url)
})
