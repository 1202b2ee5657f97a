/** Chats of the demo over the Responses API. */
import type { UIMessage, UIMessageChunk } from 'ai'
import { expect, onTestFinished, test } from 'vitest'
import { openAISource } from '../../../src/demo/models/openai-source.ts'
import type { AnswerRequest } from '../../../src/endpoints/chat/chat-source.ts'
import type { Json } from '../../../src/protocol/json.ts'
import { ResponsesMock } from '../../support/responses-mock.ts'
import { delta, stream, upstream } from '../../support/upstream.ts'

const PNG = 'data:image/png;base64,iVBORw0KGgo='

const user = (...parts: UIMessage['parts']): UIMessage => ({ id: 'u', role: 'user', parts })
const text = (words: string): UIMessage['parts'][number] => ({ type: 'text', text: words })

/** What a source is asked, with a log of chunks and checkpoints in their order. */
const request = (messages: UIMessage[], more: Partial<AnswerRequest> = {}) => {
  const log: Json[] = []
  const { signal } = new AbortController()
  const asked: AnswerRequest = {
    messages,
    signal,
    chat: 'c1',
    messageId: 'm',
    runId: 'r',
    body: {},
    checkpoint: (value) => void log.push({ checkpoint: value }),
    alive: () => {},
    ...more,
  }
  return { asked, log }
}

async function* answered(
  baseURL: string,
  asked: AnswerRequest,
  background = false,
): AsyncGenerator<UIMessageChunk> {
  yield* (await openAISource({ apiKey: 'sk-1', baseURL, model: 'm', background })(
    asked,
  )) as AsyncIterable<UIMessageChunk>
}

test('a picture goes along, and an answer without a word does not', async () => {
  const bodies: { input: unknown }[] = []
  const { baseURL } = await upstream(({ body, res }) => {
    bodies.push(JSON.parse(body) as { input: unknown })
    stream(res, delta('A cat.'), { type: 'response.completed' })
    res.end()
  })
  const picture = { type: 'file' as const, mediaType: 'image/png', url: PNG }
  const messages: UIMessage[] = [
    user(text('Hello')),
    { id: 'a', role: 'assistant', parts: [] },
    user(text('What is it?'), picture),
  ]
  for await (const _ of answered(baseURL, request(messages).asked));
  expect(bodies[0]?.input).toEqual([
    { role: 'user', content: 'Hello' },
    {
      role: 'user',
      content: [
        { type: 'input_text', text: 'What is it?' },
        { type: 'input_image', image_url: PNG, detail: 'auto' },
      ],
    },
  ])
})

test('another file is refused when it is sent, and named afterwards', async () => {
  const bodies: { input: unknown }[] = []
  const { baseURL } = await upstream(({ body, res }) => {
    bodies.push(JSON.parse(body) as { input: unknown })
    stream(res, { type: 'response.completed' })
    res.end()
  })
  const pdf = {
    type: 'file' as const,
    mediaType: 'application/pdf',
    filename: 'a.pdf',
    url: 'data:application/pdf;base64,JVBERg==',
  }
  const sent = request([user(text('Read'), pdf)])
  await expect(answered(baseURL, sent.asked).next()).rejects.toMatchObject({
    code: 'file_refused',
    message: 'a.pdf cannot be read. The model takes pictures (PNG, JPEG, WebP, GIF).',
  })
  expect(bodies).toEqual([])
  for await (const _ of answered(baseURL, request([user(text('Read'), pdf), user(text('Go on'))]).asked));
  expect(bodies[0]?.input).toEqual([
    { role: 'user', content: 'Read[The file a.pdf was attached. It cannot be read.]' },
    { role: 'user', content: 'Go on' },
  ])
})

test('reasoning is a part of its own, and what it says of an early end belongs to the text', async () => {
  const { baseURL } = await upstream(({ res }) => {
    const thought = (words: string) => ({ type: 'response.reasoning_summary_text.delta', delta: words })
    const end = {
      type: 'response.incomplete',
      response: { status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } },
    }
    stream(res, thought('H'), thought('m.'), delta('Be'), end)
    res.end()
  })
  const chunks: UIMessageChunk[] = []
  for await (const chunk of answered(baseURL, request([user(text('Why?'))]).asked)) chunks.push(chunk)
  expect(chunks).toEqual([
    { type: 'reasoning-start', id: '1' },
    { type: 'reasoning-delta', id: '1', delta: 'H' },
    { type: 'reasoning-delta', id: '1', delta: 'm.' },
    { type: 'reasoning-end', id: '1' },
    { type: 'text-start', id: '2' },
    { type: 'text-delta', id: '2', delta: 'Be' },
    { type: 'text-delta', id: '2', delta: expect.stringMatching(/maximum length/) as string },
    { type: 'text-end', id: '2' },
  ])
})

test('in the background another process goes on behind any chunk, with the same response', async () => {
  const mock = await ResponsesMock.start({ script: { words: 6, delay: 0 } })
  onTestFinished(() => mock.close())
  const { asked, log } = request([user(text('Why?'))])
  for await (const chunk of answered(mock.baseURL, asked, true)) log.push(chunk as unknown as Json)
  const isCheckpoint = (entry: Json): boolean =>
    typeof entry === 'object' && entry !== null && 'checkpoint' in entry
  const whole = log.filter((entry) => !isCheckpoint(entry))
  const places = log.filter((entry, index) => isCheckpoint(entry) && index < log.length - 1)
  expect(places.length).toBeGreaterThan(5)
  for (const place of places) {
    // The chunk that a checkpoint is kept with comes right after it.
    const before = log.slice(0, log.indexOf(place) + 2).filter((entry) => !isCheckpoint(entry))
    const again = request(asked.messages, { resumeFrom: (place as { checkpoint: Json }).checkpoint })
    const rest: unknown[] = []
    for await (const chunk of answered(mock.baseURL, again.asked, true)) rest.push(chunk)
    expect([...before, ...rest]).toEqual(whole)
  }
  expect(mock.report.created).toBe(1)
})
