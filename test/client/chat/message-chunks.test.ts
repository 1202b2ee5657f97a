/** A message said again as chunks, and deltas that come together. */
import { type UIMessage, type UIMessageChunk, readUIMessageStream, uiMessageChunkSchema } from 'ai'
import { expect, test } from 'vitest'
import { mergeChunks } from '../../../src/client/chat/merged-chunks.ts'
import { messageChunks } from '../../../src/conversation/message-chunks.ts'

const call = { toolCallId: 't1', input: { city: 'Rome' } }
const approval = { id: 'a1' }
const meta = { openai: { itemId: 'i' } }

const parts: Record<string, UIMessage['parts']> = {
  'a text': [{ type: 'text', text: 'Hello', state: 'done', providerMetadata: meta }],
  'an empty text': [{ type: 'text', text: '', state: 'done' }],
  'two steps': [
    { type: 'step-start' },
    { type: 'reasoning', id: 'r', text: 'Hm', state: 'done' },
    { type: 'step-start' },
    { type: 'text', text: 'Hello', state: 'done' },
  ],
  'sources, files and data': [
    { type: 'source-url', sourceId: 's', url: 'https://example.com', title: 'Example' },
    { type: 'source-document', sourceId: 'd', mediaType: 'text/plain', title: 'A', filename: 'a.txt' },
    { type: 'file', mediaType: 'image/png', url: 'data:image/png;base64,AA==' },
    { type: 'data-weather', id: 'w', data: { sun: true } },
  ],
  'a result': [{ type: 'tool-weather', ...call, state: 'output-available', output: 'Sun' }],
  'a result of a tool that is known at run time alone': [
    { type: 'dynamic-tool', toolName: 'weather', ...call, state: 'output-available', output: { sun: true } },
  ],
  'a result of a tool of the provider': [
    { type: 'tool-search', ...call, state: 'output-available', output: [], providerExecuted: true },
  ],
  'an error of a tool': [{ type: 'tool-weather', ...call, state: 'output-error', errorText: 'No idea' }],
  'a call that waits for the page': [{ type: 'tool-weather', ...call, state: 'input-available' }],
  'a call that waits for approval': [
    { type: 'tool-weather', ...call, state: 'approval-requested', approval },
  ],
  'a call that was approved': [
    { type: 'tool-weather', ...call, state: 'approval-responded', approval: { ...approval, approved: true } },
  ],
  'a call that was denied': [
    {
      type: 'tool-weather',
      ...call,
      state: 'output-denied',
      approval: { ...approval, approved: false, reason: 'No' },
    },
  ],
  'a result that was approved': [
    {
      type: 'tool-weather',
      ...call,
      state: 'output-available',
      output: 'Sun',
      approval: { ...approval, approved: true },
    },
  ],
}

test.each(Object.entries(parts))('chunks make a message with %s again', async (_what, of) => {
  const message: UIMessage = { id: 'm1', role: 'assistant', metadata: { model: 'x' }, parts: of }
  const chunks = messageChunks(message)
  const schema = uiMessageChunkSchema()
  for (const chunk of chunks) expect(await schema.validate?.(chunk)).toMatchObject({ success: true })
  let read: UIMessage | undefined
  for await (const state of readUIMessageStream({ stream: streamOf(chunks) })) read = state
  expect(plain(read)).toEqual(plain(message))
})

test('a tool of the page that has its result is not run again', () => {
  const of = ['a result', 'an error of a tool', 'a call that was approved', 'a result that was approved']
  const chunks = of.flatMap((what) => messageChunks({ id: 'm', role: 'assistant', parts: parts[what] ?? [] }))
  expect(chunks.map(({ type }) => type)).not.toContain('tool-input-available')
})

test('deltas of one part that came together are one', () => {
  const delta = (id: string, text: string, type = 'text-delta') => ({ type, id, delta: text })
  const chunks = [
    { type: 'text-start', id: '1' },
    delta('1', 'a'),
    delta('1', 'b'),
    delta('2', 'c'),
    delta('2', 'd', 'reasoning-delta'),
    { ...delta('2', 'e', 'reasoning-delta'), providerMetadata: meta },
    delta('2', 'f', 'reasoning-delta'),
    delta('2', 'g', 'reasoning-delta'),
  ] as UIMessageChunk[]
  expect(mergeChunks(chunks)).toEqual([
    { type: 'text-start', id: '1' },
    delta('1', 'ab'),
    delta('2', 'c'),
    delta('2', 'd', 'reasoning-delta'),
    { ...delta('2', 'e', 'reasoning-delta'), providerMetadata: meta },
    delta('2', 'fg', 'reasoning-delta'),
  ])
  expect(chunks[1]).toEqual(delta('1', 'a'))
})

function plain(value: unknown): unknown {
  // What a call was said with is of use while it is said.
  return JSON.parse(JSON.stringify(value, (name, one: unknown) => (name === 'rawInput' ? undefined : one)))
}

function streamOf(chunks: readonly UIMessageChunk[]): ReadableStream<UIMessageChunk> {
  return new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })
}
