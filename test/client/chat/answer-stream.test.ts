/** An answer as a page reads it: its end, its turn, and what becomes of it when its run is not there. */
import type { UIMessageChunk } from 'ai'
import { expect, test, vi } from 'vitest'
import { answerStream } from '../../../src/client/chat/answer-stream.ts'
import { MillraceChatTransport } from '../../../src/client/chat/index.ts'
import { FakeClient, FakeStream, askBy } from './fake-client.ts'

const GONE = [
  { type: 'error', errorText: 'The answer is gone.' },
  { type: 'finish', finishReason: 'error' },
]
const text = [
  { type: 'text-start', id: '1' },
  { type: 'text-delta', id: '1', delta: 'One' },
]

const read = (client: FakeClient, more: { isQueued?: boolean; signal?: AbortSignal } = {}) => {
  const left: boolean[] = []
  const stream = answerStream({
    client: client.asClient,
    chat: 'c1',
    run: 'r1',
    left: (isWhole) => left.push(isWhole),
    ...more,
  })
  return { stream, left }
}

const all = async (stream: ReadableStream<UIMessageChunk>) => {
  const chunks: UIMessageChunk[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

const failed = { type: 'error', errorText: 'The answer failed. Please try again.' }

test.each([
  ['completed', { status: 'completed' }, [{ type: 'finish' }]],
  ['stopped', { status: 'stopped' }, [{ type: 'abort' }, { type: 'finish', finishReason: 'interrupted' }]],
  ['failed', { status: 'failed', message: 'No.' }, [{ type: 'error', errorText: 'No.' }, GONE[1]]],
  ['closed', undefined, [failed, GONE[1]]],
])('a log that is %s without a last word is given one', async (status, end, words) => {
  const client = new FakeClient()
  client.streams.push(new FakeStream().say(...text).finish(status, { end }))
  const { stream, left } = read(client)
  expect(await all(stream)).toEqual([...text, ...words])
  expect(left).toEqual([true])
})

test('a log with a last word is given no other', async () => {
  const client = new FakeClient()
  const words = [{ type: 'finish', finishReason: 'stop' }]
  client.streams.push(new FakeStream().say(...words).finish('completed', { end: { status: 'completed' } }))
  expect(await all(read(client).stream)).toEqual(words)
})

test('what goes away is an error, and so is what may not be read', async () => {
  const client = new FakeClient()
  client.streams.push(new FakeStream().say(...text).finish('gone', { code: 'gone' }))
  expect(await all(read(client).stream)).toEqual([...text, ...GONE])
  client.streams.push(new FakeStream().finish('error', { code: 'unauthenticated' }))
  const { stream, left } = read(client)
  await expect(all(stream)).rejects.toMatchObject({ code: 'unauthenticated' })
  expect(left).toEqual([false])
})

test('a run that is named and not started yet is waited for', async () => {
  using _random = vi.spyOn(Math, 'random').mockReturnValue(0)
  const client = new FakeClient()
  client.kept = { messages: [], queue: [], active: askBy('r1') }
  const missing = () => new FakeStream().finish('error', { code: 'stream_not_found' })
  client.streams.push(missing(), missing())
  client.streams.push(new FakeStream().say({ type: 'finish' }).finish('completed'))
  expect(await all(read(client).stream)).toEqual([{ type: 'finish' }])
  // Each look has the server do what it has left undone.
  expect(client.gets).toBe(2)
})

const question = { key: 'm1', message: { id: 'm1', role: 'user' }, at: 0, versions: ['m1'] }
const answer = {
  key: 'r1',
  message: { id: 'r1', role: 'assistant', parts: [{ type: 'text', text: 'One' }] },
  at: 0,
  versions: ['r1'],
}

test.each([
  ['a chat that is gone', undefined, GONE],
  ['a chat that knows no such run', { messages: [question], queue: [] }, GONE],
  [
    'an answer that never began',
    { messages: [{ ...question, ask: askBy('r1', 'failed', { text: 'Too many.' }) }], queue: [] },
    [{ type: 'error', errorText: 'Too many.' }, GONE[1]],
  ],
  [
    'an answer that the chat has',
    {
      messages: [question, answer].map((item) => ({
        ...item,
        ask: askBy('r1', 'completed', { answer: 'r1' }),
      })),
      queue: [],
    },
    [
      { type: 'start', messageId: 'r1' },
      { type: 'text-start', id: 'part-0' },
      { type: 'text-delta', id: 'part-0', delta: 'One' },
      { type: 'text-end', id: 'part-0' },
      { type: 'finish' },
    ],
  ],
  [
    'an answer that goes on with a message that the page has',
    { messages: [{ ...answer, ask: askBy('r1', 'completed', { answer: 'r1' }) }], queue: [] },
    GONE,
  ],
])('of a run that is not there a page is told: %s', async (_what, kept, chunks) => {
  const client = new FakeClient()
  client.kept = kept
  client.streams.push(new FakeStream().finish('error', { code: 'stream_not_found' }))
  expect(await all(read(client).stream)).toEqual(chunks)
})

test('whoever leaves ends the reading, and hears nothing more', async () => {
  const client = new FakeClient()
  const from = new FakeStream().say(...text)
  client.streams.push(from)
  const { stream, left } = read(client)
  const reader = stream.getReader()
  expect((await reader.read()).value).toEqual(text[0])
  await reader.cancel()
  from.say({ type: 'finish' })
  await expect.poll(() => from.isClosed).toBe(true)
  expect(left).toEqual([false])
  expect(from.count).toBe(0)
})

test('an answer whose signal aborts fails as an abort', async () => {
  const client = new FakeClient()
  const leaving = new AbortController()
  const { stream } = read(client, { signal: leaving.signal })
  const reading = all(stream)
  leaving.abort()
  await expect(reading).rejects.toMatchObject({ name: 'AbortError' })
})

test.each(['deleted', 'failed', 'absent'] as const)(
  'a turn does not come in a chat that is %s',
  async (status) => {
    const client = new FakeClient()
    client.live.become({}, askBy('r1', 'queued'))
    const { stream } = read(client, { isQueued: true })
    const reading = all(stream)
    client.live.become({ status })
    await expect(reading).rejects.toMatchObject({ code: 'gone' })
    expect(client.live.count).toBe(0)
  },
)

test('a resume is not given what was shown to its end, though the chat does not know of that yet', async () => {
  const client = new FakeClient()
  const transport = new MillraceChatTransport({ client: client.asClient })
  client.live.become({ active: askBy('r1') }, askBy('r1'))
  client.streams.push(new FakeStream().say({ type: 'finish' }).finish('completed'))
  const first = await transport.reconnectToStream({ chatId: 'c1' })
  if (first) await all(first)
  const leaving = new AbortController()
  const second = transport.reconnectToStream({ chatId: 'c1', abortSignal: leaving.signal })
  client.live.become({ active: askBy('r1') })
  leaving.abort()
  expect(await second).toBeNull()
  client.streams.push(new FakeStream().say(...text).finish('completed'))
  client.live.become({ active: askBy('r2') }, askBy('r1', 'completed'), askBy('r2'))
  const third = await transport.reconnectToStream({ chatId: 'c1' })
  expect(third && (await all(third))).toEqual([...text, failed, GONE[1]])
})

test('a resume is given what began and ended while nothing was heard of the chat', async () => {
  const client = new FakeClient()
  const transport = new MillraceChatTransport({ client: client.asClient })
  client.live.become({}, askBy('r0', 'completed'))
  const resuming = transport.reconnectToStream({ chatId: 'c1' })
  client.live.become({}, askBy('r1', 'completed'), askBy('r2', 'queued'))
  client.streams.push(new FakeStream().say({ type: 'finish' }).finish('completed'))
  const stream = await resuming
  expect(stream && (await all(stream))).toEqual([{ type: 'finish' }])
})

test('a resume is not given the answer to a send that is under way', async () => {
  const client = new FakeClient()
  const transport = new MillraceChatTransport({ client: client.asClient })
  const leaving = new AbortController()
  const resuming = transport.reconnectToStream({ chatId: 'c1', abortSignal: leaving.signal })
  const messages = [{ id: 'm1', role: 'user' as const, parts: [] }]
  const send = {
    trigger: 'submit-message',
    chatId: 'c1',
    messageId: undefined,
    abortSignal: undefined,
  } as const
  const sending = transport.sendMessages({ ...send, messages })
  const [sent] = client.sends
  // The chat shows it before the request is answered, and whoever listens hears of that.
  client.live.become({ active: askBy(sent?.run ?? '') }, askBy(sent?.run ?? ''))
  await new Promise(setImmediate)
  sent?.kept('running')
  client.streams.push(new FakeStream().say({ type: 'finish' }).finish('completed'))
  expect(await all(await sending)).toEqual([{ type: 'finish' }])
  leaving.abort()
  expect(await resuming).toBeNull()
})
