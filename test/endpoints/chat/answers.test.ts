/** What becomes of the chunks of a source: in the run's log, at the page, and in the chat. */
import { openai } from '@ai-sdk/openai'
import { type UIMessageChunk, simulateReadableStream, uiMessageChunkSchema } from 'ai'
import { MockLanguageModelV4 } from 'ai/test'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import type { Json } from '../../../src/protocol/json.ts'
import { chat } from '../../../src/ai-sdk.ts'
import { collect } from '../../support/collect.ts'
import { answer } from '../../../src/endpoints/chat/answer.ts'
import type { AnswerSource } from '../../../src/endpoints/chat/chat-source.ts'
import { modelSource } from '../../../src/endpoints/chat/chat-source.ts'
import { type ChatServer, NodeChat, startChats, textOf, transportOf } from './chat-server.ts'

let server: ChatServer | undefined

afterEach(async () => {
  await server?.[Symbol.asyncDispose]()
  server = undefined
})

/** A page that asked, and the answer to that. */
const asked = async (source: AnswerSource, options: object = {}) => {
  server = await startChats({ source })
  const chat = new NodeChat('c1', transportOf('DefaultChatTransport', server.address), [], options)
  await chat.sendMessage({ text: 'Hello' })
  return chat
}

const logOf = async (run: string): Promise<UIMessageChunk[]> => {
  const page = await server?.streams.store.read(run, 'start')
  return page?.outcome === 'page'
    ? page.records.map((text) => JSON.parse(String(text)) as UIMessageChunk)
    : []
}

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
}

const saying = (...texts: string[]) =>
  new MockLanguageModelV4({
    doStream: async () => ({
      stream: simulateReadableStream({
        chunks: [
          { type: 'text-start', id: '1' },
          ...texts.map((delta) => ({ type: 'text-delta', id: '1', delta }) as const),
          { type: 'text-end', id: '1' },
          { type: 'finish', finishReason: { unified: 'stop', raw: undefined }, usage },
        ],
      }),
    }),
  })

test('a model answers, and each chunk of its log is one that clients take', async () => {
  const model = saying('Good', ' day.')
  const chat = await asked(modelSource(model))
  expect(chat.text).toBe('Good day.')
  expect(model.doStreamCalls[0]?.prompt).toMatchObject([{ role: 'user', content: [{ text: 'Hello' }] }])
  const { messages = [] } = (await server?.chats.get('c1')) ?? {}
  const log = await logOf(messages[1]?.ask?.run ?? '')
  expect(log[0]).toEqual({ type: 'start', messageId: chat.messages[1]?.id })
  for (const chunk of log)
    expect(await uiMessageChunkSchema().validate?.(chunk)).toMatchObject({ success: true })
})

test('what a model service refuses is said in words for the person who reads', async () => {
  const refused = Object.assign(new Error('Incorrect API key provided: sk-123'), {
    name: 'AI_APICallError',
    statusCode: 401,
  })
  const model = new MockLanguageModelV4({ doStream: () => Promise.reject(refused) })
  const chat = await asked(modelSource(model))
  expect(chat.error?.message).toBe(
    "The model service refused this server's key. Please tell the person who runs this server.",
  )
  expect((await server?.chats.get('c1'))?.messages[0]?.ask).toMatchObject({ reason: 'key_refused' })
})

test('a key that is not set is said as what it is', async () => {
  vi.stubEnv('OPENAI_API_KEY', undefined)
  onTestFinished(() => void vi.unstubAllEnvs())
  const chat = await asked(modelSource(openai('gpt-5.5')))
  expect(chat.error?.message).toBe(
    'This server has no key for the model service. Please tell the person who runs this server.',
  )
  expect((await server?.chats.get('c1'))?.messages[0]?.ask).toMatchObject({ reason: 'key_missing' })
})

test.each([
  ['a text that did not begin', [{ type: 'text-delta', id: '1', delta: 'Hello' }]],
  [
    'a text that has ended',
    [
      { type: 'text-start', id: '1' },
      { type: 'text-end', id: '1' },
      { type: 'text-end', id: '1' },
    ],
  ],
  [
    'a reasoning by the id of a text',
    [
      { type: 'text-start', id: '1' },
      { type: 'reasoning-delta', id: '1', delta: 'Hm' },
    ],
  ],
  [
    'the result of a tool that was not called',
    [{ type: 'tool-output-available', toolCallId: 't', output: 1 }],
  ],
] satisfies [string, UIMessageChunk[]][])(
  'what goes on with %s ends the answer, as every client stops at it',
  async (_what, chunks) => {
    const chat = await asked(async function* () {
      yield* chunks
    } as AnswerSource)
    expect(chat.error?.message).toBe('The answer holds something that a page cannot show.')
    expect((await server?.chats.get('c1'))?.messages.at(-1)?.ask).toMatchObject({ reason: 'invalid_chunk' })
  },
)

test('what no client takes ends the answer, and is never sent', async () => {
  const chat = await asked(async function* () {
    yield { type: 'text-delta' } as never
  } as AnswerSource)
  expect(chat.error?.message).toBe('The answer holds something that a page cannot show.')
})

test.each([
  ['of several streams is one message, with the id of the first', ['m1', 'm2'], 'm1'],
  ['of which only the second stream has an id has that of the run', [undefined, 'm2'], undefined],
  ['with the id of its question has one of its own', ['question'], undefined],
  ['with an empty id has one of its own', [''], undefined],
])('an answer %s', async (_what, starts, id) => {
  server = await startChats({
    source: async function* () {
      for (const [index, messageId] of starts.entries()) {
        yield { type: 'start', ...(messageId !== undefined && { messageId }) }
        yield { type: 'text-start', id: `${index}` }
        yield { type: 'text-delta', id: `${index}`, delta: 'Word' }
        yield { type: 'text-end', id: `${index}` }
      }
    } as AnswerSource,
  })
  const chat = new NodeChat('c1', transportOf('DefaultChatTransport', server.address))
  await chat.sendMessage({ id: 'question', role: 'user', parts: [{ type: 'text', text: 'Hello' }] })
  const { messages = [] } = (await server.chats.get('c1')) ?? {}
  expect(messages.map(({ message }) => message)).toEqual(JSON.parse(JSON.stringify(chat.messages)))
  expect(chat.messages[1]).toMatchObject({ id: id ?? messages[1]?.ask?.run, role: 'assistant' })
  expect(chat.messages[1]?.parts).toHaveLength(starts.length)
})

test('an answer that becomes larger than the chat keeps ends there, and what was said is kept', async () => {
  const megabyte = 'x'.repeat(1024 * 1024)
  const chat = await asked(async function* () {
    yield { type: 'text-start', id: '1' }
    for (let count = 0; count < 20; count++) yield { type: 'text-delta', id: '1', delta: megabyte }
  } as AnswerSource)
  expect(chat.error?.message).toBe('The answer became larger than this chat keeps, and ends here.')
  const { messages = [] } = (await server?.chats.get('c1')) ?? {}
  expect(messages[1]?.ask).toMatchObject({ status: 'failed', reason: 'answer_too_large' })
  expect(JSON.stringify(messages[1]?.message).length).toBeGreaterThan(6 * 1024 * 1024)
  expect(chat.text.length).toBe(textOf(messages[1]?.message as never).length)
})

test('data that replaces itself, or passes, does not make an answer large', async () => {
  const data = 'x'.repeat(1024 * 1024)
  const chat = await asked(async function* () {
    for (let count = 0; count < 20; count++) {
      yield { type: 'data-page', id: 'p', data: { count, data } }
      yield { type: 'data-progress', data, transient: true }
    }
  } as AnswerSource)
  expect(chat.error).toBeUndefined()
  const { messages = [] } = (await server?.chats.get('c1')) ?? {}
  expect(messages[1]?.message).toMatchObject({ parts: [{ data: { count: 19 } }] })
})

test('an answer whose id is too long to be kept fails before anything is said', async () => {
  const chat = await asked(async function* () {
    yield { type: 'start', messageId: 'm'.repeat(257) }
  } as AnswerSource)
  expect(chat.error?.message).toBe('The answer has an id that this server cannot keep.')
})

test('parts of all kinds pass through as they came', async () => {
  const given: UIMessageChunk[] = [
    { type: 'start', messageId: 'm1', messageMetadata: { at: 1 } },
    { type: 'start-step' },
    { type: 'reasoning-start', id: 'r' },
    { type: 'reasoning-delta', id: 'r', delta: 'Hm', providerMetadata: { x: { y: 1 } } },
    { type: 'reasoning-end', id: 'r' },
    { type: 'source-url', sourceId: 's', url: 'https://example.com' },
    { type: 'file', url: 'data:text/plain,x', mediaType: 'text/plain' },
    { type: 'data-weather', id: 'w', data: { sun: true } },
    { type: 'tool-input-available', toolCallId: 't', toolName: 'add', input: { a: 1 } },
    { type: 'tool-output-available', toolCallId: 't', output: 2 },
    { type: 'finish-step' },
    { type: 'finish', finishReason: 'stop', messageMetadata: { usage: { tokens: 3 } } },
  ]
  const chat = await asked(async function* () {
    yield* given
  } as AnswerSource)
  const { messages = [] } = (await server?.chats.get('c1')) ?? {}
  const { ask, message } = messages[1] ?? {}
  expect(await logOf(ask?.run ?? '')).toEqual(given)
  expect(chat.messages[1]).toMatchObject({ id: 'm1', metadata: { at: 1 } })
  expect(message).toEqual(JSON.parse(JSON.stringify(chat.messages[1])))
  expect(ask?.usage).toEqual({ tokens: 3 })
})

test('a call that waits for a result when the answer is stopped is closed, and the next turn goes on', async () => {
  const seen: unknown[] = []
  const source: AnswerSource = async function* ({ messages, signal }) {
    seen.push(messages)
    if (seen.length > 1) return
    yield { type: 'tool-input-available', toolCallId: 't', toolName: 'add', input: { a: 1 } }
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    signal.throwIfAborted()
  }
  server = await startChats({ source })
  const chat = new NodeChat('c1', transportOf('DefaultChatTransport', server.address))
  const sending = chat.sendMessage({ text: 'Add' })
  await expect.poll(() => chat.messages[1]?.parts.length).toBe(1)
  await fetch(`${server.address}/c1/stop`, { method: 'POST' })
  await sending
  await chat.sendMessage({ text: 'Again' })
  expect(seen[1]).toMatchObject([
    {},
    { parts: [{ state: 'output-error', errorText: 'The answer ended before this tool gave a result.' }] },
    { role: 'user' },
  ])
})

test('an answer that is continued begins no second time, and ends once', async () => {
  const log: unknown[] = []
  const run = async (resumeFrom?: Json) => {
    log.length = 0
    const source: AnswerSource = async function* ({ resumeFrom: place, checkpoint }) {
      if (place === undefined) {
        checkpoint(1)
        yield { type: 'start-step' }
      }
      if (place !== 2) {
        checkpoint(2)
        yield { type: 'finish-step' }
      }
    }
    const turn = { chat: 'c1', run: 'r1', question: { id: 'q', role: 'user' }, messages: [], mostBytes: 1e6 }
    const context = {
      signal: new AbortController().signal,
      runId: 'r1',
      checkpoint: (value: Json) => void log.push(value),
      alive: () => {},
      ...(resumeFrom !== undefined && { resumeFrom }),
    }
    for await (const { type } of answer(source, turn, context)) log.push(type)
    return [...log]
  }
  // A checkpoint stands before the chunk that it is kept with.
  const second = [{ value: 2 }, 'finish-step', 'finish']
  expect(await run()).toEqual(['start', { value: 1 }, 'start-step', ...second])
  expect(await run({ value: 1 })).toEqual(second)
  expect(await run({ value: 2 })).toEqual(['finish'])
})

test('an answer that is continued after its finish gets no other', async () => {
  const kept: unknown[] = []
  const source: AnswerSource = async function* ({ resumeFrom, checkpoint }) {
    if (resumeFrom !== undefined) return
    checkpoint(1)
    yield { type: 'start-step' }
    yield { type: 'finish' }
  }
  const turn = { chat: 'c1', run: 'r1', question: { id: 'q', role: 'user' }, messages: [], mostBytes: 1e6 }
  const { signal } = new AbortController()
  const context = { signal, runId: 'r1', checkpoint: (value: Json) => void kept.push(value), alive: () => {} }
  expect(await collect(answer(source, turn, context))).toHaveLength(3)
  const last = kept.at(-1) as Json
  expect(last).toEqual({ value: 1, finished: true })
  expect(await collect(answer(source, turn, { ...context, resumeFrom: last }))).toEqual([])
})

test('a model cannot be resumed: only a stream can', () => {
  expect(() => chat('/api/chat', { model: saying('x'), resumable: true })).toThrow(/resumeFrom/)
})
