/** Chat Completions: what a service answers in the ordinary, in trouble and in nonsense, and what a stop does. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { chatOutcome, chatText, openaiChat } from '../../../src/openai.ts'
import type { AnswerOutcome, ChatChunk, OpenAIChatOptions, UpstreamError } from '../../../src/openai.ts'
import { ANSWER, PROMPTS, startAimock } from '../../support/aimock.ts'
import type { Aimock } from '../../support/aimock.ts'
import { collect } from '../../support/collect.ts'
import { upstream } from '../../support/upstream.ts'
import type { UpstreamRequest } from '../../support/upstream.ts'

const { signal } = new AbortController()
const SECRET = 'a-secret-of-no-known-shape'
let aimock: Aimock

beforeAll(async () => {
  aimock = await startAimock()
})

afterAll(() => aimock.close())

function ask(baseURL: string, options: Partial<OpenAIChatOptions> = {}) {
  const messages = [{ role: 'user' as const, content: 'prompt' }]
  return openaiChat({ model: 'm', messages, apiKey: SECRET, baseURL, maxRetries: 0, ...options })
}

function prompt(content: string) {
  return { messages: [{ role: 'user' as const, content }] }
}

interface Heard {
  readonly chunks: readonly ChatChunk[]
  readonly text: string
  readonly outcomes: readonly AnswerOutcome[]
  readonly error?: unknown
}

async function hear(answer: AsyncIterable<ChatChunk>): Promise<Heard> {
  const chunks: ChatChunk[] = []
  let failure: { error?: unknown } = {}
  try {
    for await (const chunk of answer) chunks.push(chunk)
  } catch (error) {
    failure = { error }
  }
  const outcomes = chunks.map((chunk) => chatOutcome(chunk)).filter((outcome) => outcome !== undefined)
  return { chunks, text: chunks.map((chunk) => chatText(chunk) ?? '').join(''), outcomes, ...failure }
}

/** Begins an event stream and sends these chunks, or texts as they are, and leaves it open. */
function send({ res }: UpstreamRequest, ...parts: (string | object)[]): void {
  if (!res.headersSent) res.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const part of parts) res.write(typeof part === 'string' ? part : `data: ${JSON.stringify(part)}\n\n`)
}

function content(text: string, more: object = {}) {
  return { choices: [{ index: 0, delta: { content: text }, finish_reason: null, ...more }] }
}

const stopped = { choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }
const usage = { choices: [], usage: { total_tokens: 7 } }
const done = 'data: [DONE]\n\n'

describe('an answer', () => {
  test('comes chunk by chunk, whole and in order, and last its usage', async () => {
    const heard = await hear(ask(aimock.baseURL, prompt(PROMPTS.answer))({ signal }))
    expect(heard).not.toHaveProperty('error')
    expect(heard.text).toBe(ANSWER)
    expect(heard.outcomes).toEqual([{ status: 'completed' }])
    expect(heard.chunks.at(-1)).toMatchObject({
      choices: [],
      usage: { total_tokens: expect.any(Number) as number },
    })
  })

  test('that ran into a limit ends normally, and says so', async () => {
    const heard = await hear(ask(aimock.baseURL, prompt(PROMPTS.incomplete))({ signal }))
    expect(heard.text).toBe(ANSWER)
    expect(heard.outcomes).toMatchObject([{ status: 'incomplete', reason: 'length' }])
    expect(heard).not.toHaveProperty('error')
  })

  test('passes on refusals and tool calls as they came', async () => {
    const call = { index: 0, id: 'call_1', function: { name: 'weather', arguments: '{"city":' } }
    const chunks = [
      { choices: [{ index: 0, delta: { refusal: 'No.' }, finish_reason: null }] },
      { choices: [{ index: 0, delta: { tool_calls: [call] }, finish_reason: null }] },
      { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] },
      usage,
    ]
    const { baseURL } = await upstream((request) => send(request, ...chunks))
    expect((await hear(ask(baseURL)({ signal }))).chunks).toEqual(chunks)
  })

  test.each([
    ['undefined', undefined, { include_usage: true }],
    ['null', null, undefined],
    ['of its own', { include_usage: false }, { include_usage: false }],
  ])('asks for the usage; stream_options %s', async (_, streaming, sent) => {
    const { baseURL, requests } = await upstream((request) => send(request, stopped, done))
    await collect(ask(baseURL, streaming === undefined ? {} : { stream_options: streaming })({ signal }))
    const { stream, stream_options } = JSON.parse(requests[0]!.body) as Record<string, unknown>
    expect({ stream, stream_options }).toEqual({ stream: true, stream_options: sent })
  })
})

describe('the end', () => {
  test.each([
    ['the usage, the connection left open', [content('a'), stopped, usage]],
    ['[DONE], the connection left open', [content('a'), stopped, done]],
    ['[DONE] without a finish_reason', [content('a'), done]],
    ['[DONE] in the same packet', [`data: ${JSON.stringify(content('a'))}\n\n${done}`]],
    ['a finish_reason with the last text, and [DONE]', [content('a', { finish_reason: 'stop' }), done]],
  ])('is %s', async (_, parts) => {
    const { baseURL, requests } = await upstream((request) => send(request, ...parts))
    const heard = await hear(ask(baseURL)({ signal }))
    expect(heard.text).toBe('a')
    expect(heard).not.toHaveProperty('error')
    await requests[0]!.closed
  })

  test('is a finish_reason when the connection ends, is cut or falls silent behind it', async () => {
    for (const end of ['end', 'destroy', 'silence'] as const) {
      const { baseURL } = await upstream((request) => {
        send(request, content('a'), stopped)
        if (end !== 'silence') setImmediate(() => request.res[end]())
      })
      const heard = await hear(ask(baseURL, { stallTimeout: 0.3 })({ signal }))
      expect(heard).toMatchObject({ text: 'a', outcomes: [{ status: 'completed' }] })
      expect(heard).not.toHaveProperty('error')
    }
  })

  test('of several choices is the end of all of them', async () => {
    const second = { choices: [{ index: 1, delta: { content: 'b' }, finish_reason: 'stop' }] }
    const { baseURL } = await upstream((request) => {
      send(request, content('a'), stopped)
      if (request.req.url?.includes('whole')) send(request, second)
      request.res.end()
    })
    expect((await hear(ask(baseURL, { n: 2 })({ signal }))).error).toMatchObject({ code: 'cut' })
    expect(await hear(ask(`${baseURL}/whole`, { n: 2 })({ signal }))).not.toHaveProperty('error')
  })

  test('is none when the answer is cut', async () => {
    const heard = await hear(ask(aimock.baseURL, prompt(PROMPTS.cut))({ signal }))
    expect(heard.text).not.toBe('')
    expect(ANSWER.startsWith(heard.text)).toBe(true)
    expect(heard.error).toMatchObject({ code: 'cut', retryable: true })
  })

  test('is none when the body ends without it', async () => {
    const { baseURL } = await upstream((request) => {
      send(request, content('a'))
      request.res.end()
    })
    expect((await hear(ask(baseURL)({ signal }))).error).toMatchObject({ code: 'cut' })
  })

  test('is none when the service falls silent', async () => {
    const { baseURL, requests } = await upstream((request) => send(request, content('a')))
    expect((await hear(ask(baseURL, { stallTimeout: 0.3 })({ signal }))).error).toMatchObject({
      code: 'stalled',
    })
    await requests[0]!.closed
  })
})

describe('a failure', () => {
  test.each([
    [PROMPTS.key, 'key_refused'],
    [PROMPTS.rate, 'rate_limited'],
    [PROMPTS.quota, 'quota_exhausted'],
    [PROMPTS.long, 'context_too_long'],
    [PROMPTS.model, 'model_not_found'],
    [PROMPTS.server, 'unavailable'],
  ])('%s', async (text, code) => {
    const heard = await hear(ask(aimock.baseURL, prompt(text))({ signal }))
    expect(heard).toMatchObject({ chunks: [], error: { name: 'UpstreamError', code } })
  })

  test.each([
    [
      { error: { code: 'server_error', message: `${SECRET} failed` } },
      'unavailable',
      'server_error, [redacted] failed',
    ],
    [{ error: `${SECRET} failed`, choices: [] }, 'failed', '[redacted] failed'],
  ])('in the stream: %j', async (part, code, detail) => {
    const { baseURL } = await upstream((request) => send(request, content('a'), part))
    expect((await hear(ask(baseURL)({ signal }))).error).toMatchObject({ code, detail })
  })

  test.each([
    'data: {"choices":\n\n',
    'data: 7\n\n',
    'data: null\n\n',
    'data: {"type":"response.created"}\n\n',
  ])('nonsense: %j', async (part) => {
    const { baseURL, requests } = await upstream((request) => send(request, content('a'), part))
    expect((await hear(ask(baseURL)({ signal }))).error).toMatchObject({ code: 'bad_answer' })
    await requests[0]!.closed
  })

  test('no event stream', async () => {
    const { baseURL } = await upstream(({ res }) => {
      res.writeHead(200, { 'content-type': 'application/json' }).end('{"choices":[]}')
    })
    expect((await hear(ask(baseURL)({ signal }))).error).toMatchObject({ code: 'bad_answer' })
  })
})

describe('retries', () => {
  test('a failure before the first chunk is asked again', async () => {
    const heard = await hear(ask(aimock.baseURL, { ...prompt(PROMPTS.flaky), maxRetries: 1 })({ signal }))
    expect(heard.text).toBe(ANSWER)
  })

  test('an answer that has begun is never asked for again', async () => {
    const before = aimock.requests.length
    await hear(ask(aimock.baseURL, { ...prompt(PROMPTS.cut), maxRetries: 2 })({ signal }))
    expect(aimock.requests).toHaveLength(before + 1)
  })
})

describe('a stop ends the request', () => {
  test('while a chunk is due', async () => {
    const { baseURL, requests } = await upstream((request) => send(request, content('a')))
    const stop = new AbortController()
    const answer = ask(baseURL)({ signal: stop.signal })[Symbol.asyncIterator]()
    await answer.next()
    const due = answer.next()
    const reason = new Error('Stop was pressed')
    stop.abort(reason)
    await expect(due).rejects.toBe(reason)
    await requests[0]!.closed
  })

  test('also between the last text and the usage: it is no normal end', async () => {
    const { baseURL } = await upstream((request) => send(request, stopped))
    const stop = new AbortController()
    const answer = ask(baseURL)({ signal: stop.signal })[Symbol.asyncIterator]()
    await answer.next()
    const due = answer.next()
    stop.abort(new Error('Stop was pressed'))
    await expect(due).rejects.toThrow('Stop was pressed')
  })

  test('when the reader leaves', async () => {
    const { baseURL, requests } = await upstream((request) => send(request, content('a')))
    const answer = ask(baseURL)({ signal })[Symbol.asyncIterator]()
    await answer.next()
    await answer.return?.()
    await requests[0]!.closed
    expect(await answer.next()).toEqual({ done: true, value: undefined })
  })
})

test('an answer cannot be continued in another process', async () => {
  const answer = ask(aimock.baseURL)({ signal, resumeFrom: 7 })[Symbol.asyncIterator]()
  await expect(answer.next()).rejects.toMatchObject({ code: 'cut' } satisfies Partial<UpstreamError>)
})

test('options that cannot work are refused when the provider is made', () => {
  expect(() => ask('nowhere')).toThrow(/^baseURL must be/)
  expect(() => ask('http://x.test', { maxRetries: -1 })).toThrow(/^maxRetries must be/)
  vi.stubEnv('OPENAI_API_KEY', '')
  vi.stubEnv('OPENAI_BASE_URL', '')
  onTestFinished(() => void vi.unstubAllEnvs())
  expect(() => openaiChat({ model: 'm', messages: [] })).toThrow(/^openaiChat\(\) needs a key or an address/)
})
