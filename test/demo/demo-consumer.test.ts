import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { WebSocketCommunicator } from 'millrace/testing'
import type { Provider } from '../../src/providers/provider.ts'
import { scripted } from '../../src/providers/scripted.ts'
import { UpstreamError } from '../../src/providers/upstream-error.ts'
import { demoConsumer } from '../../src/demo/demo-consumer.ts'

const NUMBERS = Array.from({ length: 10 }, (_, i) => ({ message: `Number ${i}` }))

let client: WebSocketCommunicator

/** The seed's own numbers without its pauses; test/providers holds their pace. */
const numbers = scripted(NUMBERS.map(({ message }) => message))

async function connect(consumer = demoConsumer(undefined, numbers)): Promise<void> {
  client = new WebSocketCommunicator(consumer)
  expect(await client.connect()).toMatchObject({ accepted: true })
}

async function take(count: number): Promise<unknown[]> {
  const frames: unknown[] = []
  while (frames.length < count) frames.push(await client.receiveJson(5))
  return frames
}

afterEach(async () => {
  await client.disconnect()
})

describe('without a model', () => {
  test('a start streams the ten numbers', async () => {
    await connect()
    client.sendJson({ message: 'start' })
    expect(await take(10)).toEqual(NUMBERS)
  })

  test('two starts run one after the other', async () => {
    await connect()
    client.sendJson({ message: 'start' })
    client.sendJson({ message: 'start' })
    expect(await take(20)).toEqual([...NUMBERS, ...NUMBERS])
  })

  test('a start with an id is told its status, and every frame carries the id', async () => {
    await connect()
    client.sendJson({ message: 'start', id: 'a', prompt: 'ignored without a model' })
    expect(await take(12)).toEqual([
      { id: 'a', status: 'running' },
      ...NUMBERS.map(({ message }) => ({ id: 'a', message })),
      { id: 'a', status: 'completed' },
    ])
  })

  test('stop ends the running start and those that wait', async () => {
    await connect(demoConsumer())
    client.sendJson({ message: 'start', id: 'a' })
    client.sendJson({ message: 'start', id: 'b' })
    expect(await client.receiveJson(5)).toEqual({ id: 'a', status: 'running' })
    expect(await client.receiveJson(5)).toEqual({ id: 'a', message: 'Number 0' })
    client.sendJson({ message: 'stop' })
    const ends = [await client.receiveJson(5), await client.receiveJson(5)]
    expect(ends).toContainEqual({ id: 'a', status: 'stopped' })
    expect(ends).toContainEqual({ id: 'b', status: 'stopped' })
    client.sendJson({ message: 'start', id: 'c' })
    expect(await client.receiveJson(5)).toEqual({ id: 'c', status: 'running' })
  })

  test('stop with nothing to stop is no mistake', async () => {
    await connect()
    client.sendJson({ message: 'stop' })
    client.sendJson({ message: 'start' })
    expect(await client.receiveJson(5)).toEqual({ message: 'Number 0' })
  })
})

describe('with a model', () => {
  const pieces: Provider<string> = async function* () {
    yield 'Hello'
    yield ' you'
  }

  test('a prompt is answered piece by piece', async () => {
    await connect(demoConsumer(() => pieces))
    client.sendJson({ message: 'start', id: 'a', prompt: 'Hi' })
    expect(await take(4)).toEqual([
      { id: 'a', status: 'running' },
      { id: 'a', delta: 'Hello' },
      { id: 'a', delta: ' you' },
      { id: 'a', status: 'completed' },
    ])
  })

  test('a client without an id gets the text as messages', async () => {
    await connect(demoConsumer(() => pieces))
    client.sendJson({ message: 'start', prompt: 'Hi' })
    expect(await take(2)).toEqual([{ message: 'Hello' }, { message: ' you' }])
  })

  test('a failure upstream is told in a sentence and harms no later start', async () => {
    let calls = 0
    const flaky: Provider<string> = async function* () {
      if (calls++ === 0) throw new UpstreamError('rate_limited', 'a detail for the log')
      yield 'again'
    }
    await connect(demoConsumer(() => flaky))
    client.sendJson({ message: 'start', id: 'a', prompt: 'Hi' })
    client.sendJson({ message: 'start', id: 'b', prompt: 'Hi' })
    const { sentence } = new UpstreamError('rate_limited')
    expect((await take(5)).slice(1)).toEqual([
      { id: 'a', status: 'failed', reason: sentence },
      { id: 'b', status: 'running' },
      { id: 'b', delta: 'again' },
      { id: 'b', status: 'completed' },
    ])
  })

  test('leaving aborts the provider', async () => {
    const aborted = Promise.withResolvers<string>()
    const endless: Provider<string> = async function* ({ signal }) {
      signal.addEventListener('abort', () => aborted.resolve('aborted'), { once: true })
      for (;;) {
        yield '.'
        await sleep(1, undefined, { signal })
      }
    }
    await connect(demoConsumer(() => endless))
    client.sendJson({ message: 'start', prompt: 'Hi' })
    await client.receiveJson()
    await client.disconnect()
    expect(await aborted.promise).toBe('aborted')
  })
})

test.each([
  ['no object', 'true', 'The message must be an object'],
  ['another message', '{"message":"begin"}', 'must be "start" or "stop"'],
  ['an id that is not a string', '{"message":"start","id":1}', 'id: '],
  ['a long id', JSON.stringify({ message: 'start', id: 'x'.repeat(101) }), 'id: '],
  ['a prompt that is not a string', '{"message":"start","prompt":[]}', 'prompt: '],
])('%s is refused with 1008 and the reason', async (_name, frame, reason) => {
  await connect()
  client.send(frame)
  const closed = await client.receiveClose()
  expect(closed.code).toBe(1008)
  expect(closed.reason).toContain(reason)
})
