/** Answers that are asked for again after their process died, as stock clients see them that followed the first attempt. */
import {
  type UIMessage,
  type UIMessageChunk,
  convertToModelMessages,
  isStepCount,
  readUIMessageStream,
  simulateReadableStream,
  streamText,
  tool,
  uiMessageChunkSchema,
} from 'ai'
import { MockLanguageModelV4 } from 'ai/test'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { ChatTurn } from '../../../src/chats/chat-kind.ts'
import { answerKind } from '../../../src/endpoints/chat/answer-kind.ts'
import type { AnswerSource } from '../../../src/endpoints/chat/chat-source.ts'
import type { Json } from '../../../src/protocol/json.ts'

const question = { id: 'q', role: 'user', parts: [{ type: 'text', text: 'Hello' }] }
const userTurn: ChatTurn = { chat: 'c', run: 'r', question, messages: [question], mostBytes: 1_000_000 }

/** Plays attempts at one answer: each is cut off behind as many chunks as the list says, but for the last. */
const attempts = async (source: AnswerSource, cuts: readonly number[], turn: ChatTurn = userTurn) => {
  const kind = answerKind(source, { afterCrash: 'again' })
  const log: UIMessageChunk[] = []
  const records = async function* () {
    yield* structuredClone(log) as unknown as Json[]
  }
  for (const [index, most] of [...cuts, Number.POSITIVE_INFINITY].entries()) {
    const marks = index > 0 ? kind.newAttempt?.({ attempt: index + 1, reason: 'interrupted' }) : []
    log.push(...((marks ?? []) as UIMessageChunk[]))
    const { signal } = new AbortController()
    const context = { runId: 'r', signal, checkpoint: () => {}, alive: () => {} }
    let count = 0
    for await (const chunk of kind.answer({ ...turn, records }, context)) {
      log.push(chunk as UIMessageChunk)
      if (++count === most) break
    }
  }
  for (const chunk of log)
    expect(await uiMessageChunkSchema().validate?.(chunk)).toMatchObject({ success: true })
  const kept = await kind.message(records(), turn, { status: 'completed' })
  return { log, message: kept?.message as unknown as UIMessage, shown: await shownBy(log, turn) }
}

/** What a page shows that has read a log as it grew. */
const shownBy = async (log: readonly UIMessageChunk[], { question: last }: ChatTurn) => {
  const stream = simulateReadableStream({ chunks: [...log], initialDelayInMs: null, chunkDelayInMs: null })
  const options = last.role === 'assistant' ? { message: structuredClone(last) as unknown as UIMessage } : {}
  let shown: UIMessage | undefined
  const ids = new Set<string>()
  for await (const message of readUIMessageStream<UIMessage>({
    ...options,
    stream,
    terminateOnError: true,
  })) {
    if (message.id !== '') ids.add(message.id)
    shown = message
  }
  // A page would show a message for each.
  expect(ids.size).toBe(1)
  return JSON.parse(JSON.stringify(shown)) as UIMessage
}

const textPart = (text: string) => expect.objectContaining({ type: 'text', text, state: 'done' }) as unknown
const stepStart = { type: 'step-start' }

/** One answer in one step, which says another text each time. */
const oneStep = (): AnswerSource => {
  let attempt = 0
  return async function* () {
    attempt++
    yield { type: 'start' }
    yield { type: 'data-topic', data: 'mills' }
    yield { type: 'start-step' }
    yield { type: 'text-start', id: '1' }
    yield { type: 'text-delta', id: '1', delta: `attempt ${attempt}` }
    yield { type: 'text-end', id: '1' }
    yield { type: 'finish-step' }
    yield { type: 'finish' }
  }
}

test.each([[[1]], [[2]], [[3]], [[4]], [[5]], [[6]], [[5, 5]], [[5, 2]], [[5, 2, 3]]])(
  'an answer that is cut off behind %j chunks is the last attempt alone',
  async (cuts) => {
    const { message, shown } = await attempts(oneStep(), cuts)
    expect(message.parts).toEqual([
      { type: 'data-topic', data: 'mills' },
      stepStart,
      textPart(`attempt ${cuts.length + 1}`),
    ])
    expect(shown).toEqual(message)
    expect(message.id).toBe('r')
  },
)

test.each([7, 8])('an answer that lacks nothing is not asked for again (%d chunks)', async (most) => {
  const { message, shown, log } = await attempts(oneStep(), [most])
  expect(message.parts.at(-1)).toEqual(textPart('attempt 1'))
  expect(shown).toEqual(message)
  expect(log.filter(({ type }) => type === 'finish')).toHaveLength(1)
})

test.each([1, 2, 3, 4])('an answer without steps is taken back whole (%d chunks)', async (most) => {
  let attempt = 0
  const { message, shown } = await attempts(
    async function* () {
      attempt++
      yield { type: 'text-start', id: '1' }
      yield { type: 'text-delta', id: '1', delta: `attempt ${attempt}` }
      yield { type: 'text-end', id: '1' }
    } as AnswerSource,
    [most],
  )
  expect(message.parts).toEqual([textPart('attempt 2')])
  expect(shown).toEqual(message)
})

test('a source that names its message anew each time is shown once', async () => {
  let attempt = 0
  const { message } = await attempts(
    async function* () {
      yield { type: 'start', messageId: `m${++attempt}` }
      yield { type: 'text-start', id: '1' }
      yield { type: 'text-delta', id: '1', delta: 'Hi' }
      yield { type: 'text-end', id: '1' }
    } as AnswerSource,
    [2],
  )
  expect(message.id).toBe('m1')
})

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
}
const finishing = (unified: 'stop' | 'tool-calls') =>
  ({ type: 'finish', finishReason: { unified, raw: undefined }, usage }) as const

type LanguageModelV4StreamPart =
  Awaited<ReturnType<MockLanguageModelV4['doStream']>>['stream'] extends ReadableStream<infer Part>
    ? Part
    : never

/** A model that calls a tool first, and then says what it was told. */
const toolCalling = (log: string[]) => {
  const doStream = ({ prompt }: { prompt: readonly { role: string }[] }) => {
    const isTold = prompt.at(-1)?.role === 'tool'
    log.push(isTold ? 'told' : 'asked')
    const chunks: LanguageModelV4StreamPart[] = isTold
      ? [
          { type: 'text-start', id: '1' },
          { type: 'text-delta', id: '1', delta: 'It is 2.' },
          { type: 'text-end', id: '1' },
          finishing('stop'),
        ]
      : [{ type: 'tool-call', toolCallId: 't', toolName: 'add', input: '{"a":1}' }, finishing('tool-calls')]
    return Promise.resolve({ stream: simulateReadableStream({ chunks }) })
  }
  const model = new MockLanguageModelV4({ doStream })
  const add = tool({
    inputSchema: z.object({ a: z.number() }),
    execute: ({ a }) => {
      log.push('added')
      return a + 1
    },
  })
  return (async ({ messages, signal }) =>
    streamText({
      model,
      tools: { add },
      stopWhen: isStepCount(5),
      messages: await convertToModelMessages(messages, { tools: { add }, ignoreIncompleteToolCalls: true }),
      abortSignal: signal,
    })) satisfies AnswerSource
}

test('a tool that has given its result is not called again, wherever the answer is cut off behind it', async () => {
  const whole = await attempts(toolCalling([]), [])
  const types = whole.log.map(({ type }) => type)
  const [first = 0, second = 0] = types.flatMap((type, index) => (type === 'finish-step' ? [index + 1] : []))
  for (let most = 1; most <= types.length; most++) {
    const log: string[] = []
    const { message, shown } = await attempts(toolCalling(log), [most])
    expect(message).toEqual(whole.message)
    expect(shown).toEqual(message)
    const isAdded = log.filter((what) => what === 'added').length
    if (most >= first) expect(isAdded).toBe(1)
    if (most >= second) expect(log).toEqual(['asked', 'added', 'told'])
  }
})

test('an answer that goes on with its own message, and cannot be taken back, ends', async () => {
  const said = { id: 'a', role: 'assistant', parts: [{ type: 'text', text: 'One', state: 'done' }] }
  const turn = { ...userTurn, question: said, messages: [question, said] }
  const source: AnswerSource = async function* () {
    yield { type: 'text-start', id: '1' }
    yield { type: 'text-delta', id: '1', delta: ' two' }
  }
  await expect(attempts(source, [3], turn)).rejects.toMatchObject({ code: 'interrupted' })
  const { message } = await attempts(source, [1], turn)
  expect(message.parts).toMatchObject([{ text: 'One' }, { text: ' two' }])
})
