/** What services that call themselves compatible really send, and what becomes of it. */
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { chatOutcome, chatText, openai, openaiChat } from '../../../src/openai.ts'
import type { ChatChunk, OpenAIChatOptions, UpstreamError } from '../../../src/openai.ts'
import { upstream } from '../../support/upstream.ts'
import type { UpstreamRequest } from '../../support/upstream.ts'

const { signal } = new AbortController()

type Answer = (request: UpstreamRequest, attempt: number) => void

interface Heard {
  readonly text: string
  readonly outcome?: string
  readonly error?: UpstreamError
  readonly requests: number
}

/** What a reader gets of an answer of Chat Completions. */
async function hear(answer: Answer, options: Partial<OpenAIChatOptions> = {}): Promise<Heard> {
  const { baseURL, requests } = await upstream((request) => answer(request, requests.length))
  const messages = [{ role: 'user' as const, content: 'prompt' }]
  const chunks = openaiChat({ model: 'm', messages, apiKey: 'key', baseURL, maxRetries: 1, ...options })
  let text = ''
  let outcome: string | undefined
  try {
    for await (const chunk of chunks({ signal })) {
      expect(Array.isArray(chunk.choices)).toBe(true)
      text += chatText(chunk) ?? ''
      outcome = chatOutcome(chunk)?.status ?? outcome
    }
  } catch (error) {
    return { text, error: error as UpstreamError, requests: requests.length }
  }
  return { text, ...(outcome && { outcome }), requests: requests.length }
}

/** Answers with this body. */
function body(text: string, type = 'text/event-stream'): Answer {
  return ({ res }) => void res.writeHead(200, { 'content-type': type }).end(text)
}

function data(value: unknown): string {
  return `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`
}

function say(content: unknown, reason: string | null = null): string {
  return data({ choices: [{ index: 0, delta: { content }, finish_reason: reason }] })
}

function finish(reason = 'stop'): string {
  return data({ choices: [{ index: 0, delta: {}, finish_reason: reason }] })
}

const DONE = data('[DONE]')

describe('a whole answer stays whole', () => {
  test.each([
    [
      'a usage with choices: null',
      say('ab') + finish() + data({ choices: null, usage: { total_tokens: 3 } }) + DONE,
    ],
    ['a usage without choices', say('ab') + finish() + data({ usage: { total_tokens: 3 } }) + DONE],
    ['an error behind it', say('ab') + finish() + data({ error: { code: 500, message: 'No usage.' } })],
    ['nonsense behind it', `${say('ab')}${finish()}data: {"usage":\n\n`],
    ['an event named ping', `${say('a')}event: ping\ndata: {"n":1}\n\n${say('b')}${finish()}${DONE}`],
    ['an event without data', `${say('a')}event: keepalive\n\n${say('b')}${finish()}${DONE}`],
    ['a ping by its type', say('a') + data({ type: 'ping' }) + say('b') + finish() + DONE],
    ['an empty object', say('a') + data({}) + say('b') + finish() + DONE],
    ['data without data', `${say('a')}data:\n\n${say('b')}${finish()}${DONE}`],
    ['a comment in the data', say('a') + data(': keepalive') + say('b') + finish() + DONE],
    ['a word in the data', say('a') + data('keep-alive') + say('b') + finish() + DONE],
    ['events of its own', data({ provider: 'x', queue: 3 }) + say('ab') + finish() + DONE],
    ['a choice that is null', data({ choices: [null] }) + say('ab') + finish() + DONE],
    ['finish_reason: "" on every chunk', say('a', '') + say('b', '') + finish() + DONE],
    ['finish_reason on every chunk', say('a', 'stop') + say('b', 'stop') + DONE],
    [
      'finish_reason on every chunk, and the usage',
      say('a', 'stop') + say('b', 'stop') + data({ usage: {} }),
    ],
    ['[DONE] without its blank line', `${say('ab')}${finish()}data: [DONE]`],
    ['a last chunk without its blank line', `${say('a')}${say('b', 'stop').trimEnd()}`],
    ['[DONE] with a space', `${say('ab')}${finish()}data: [DONE] \n\n`],
    ['[DONE] without a space', `${say('ab')}${finish()}data:[DONE]\n\n`],
    ['[DONE] in quotes', `${say('ab')}${finish()}data: "[DONE]"\n\n`],
    ['[DONE] behind a single line break', `${say('ab')}${finish().trimEnd()}\ndata: [DONE]\n\n`],
    ['carriage returns', (say('ab') + finish() + DONE).replaceAll('\n', '\r')],
    ['a byte order mark', `\uFEFF${say('ab')}${finish()}${DONE}`],
    [
      'text in a list',
      say([{ type: 'text', text: 'a' }]) + say([{ type: 'text', text: 'b' }]) + finish() + DONE,
    ],
  ])('%s', async (_, text) => {
    expect(await hear(body(text))).toMatchObject({ text: 'ab', outcome: 'completed', requests: 1 })
  })

  test('when the service says finish_reason and never ends, after seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const { baseURL, requests } = await upstream(({ res }) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).write(say('ab') + finish())
    })
    const options = { model: 'm', messages: [], apiKey: 'key', baseURL, stallTimeout: 3600 }
    const answer = openaiChat(options)({ signal })[Symbol.asyncIterator]()
    for (const text of ['ab', undefined])
      expect(chatText((await answer.next()).value as ChatChunk)).toBe(text)
    const end = answer.next()
    await vi.advanceTimersByTimeAsync(5000)
    expect(await end).toEqual({ done: true, value: undefined })
    await requests[0]!.closed
  })

  test('with an image of megabytes in one chunk', async () => {
    const image = 'x'.repeat(3 * 1024 * 1024)
    const heard = await hear(
      body(data({ choices: [{ index: 0, delta: { images: [image] } }] }) + say('ab') + finish()),
    )
    expect(heard).toMatchObject({ text: 'ab', outcome: 'completed' })
  })
})

describe('half an answer is never completed', () => {
  test.each([
    ['error', 'failed'],
    ['network_error', 'unavailable'],
    ['insufficient_system_resource', 'unavailable'],
    ['abort', 'cancelled'],
  ])('finish_reason: %s', async (reason, code) => {
    expect(await hear(body(say('half') + finish(reason) + DONE))).toMatchObject({
      text: 'half',
      error: { code },
    })
  })

  test('finish_reason: max_tokens', async () => {
    const heard = await hear(body(say('half') + finish('max_tokens') + DONE))
    expect(heard).toMatchObject({ text: 'half', outcome: 'incomplete' })
  })

  test.each(['destroy', 'end'] as const)('finish_reason on every chunk, and then the %s', async (how) => {
    const heard = await hear(({ res }) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).write(say('ha', 'stop') + say('lf', 'stop'))
      setImmediate(() => res[how]())
    })
    expect(heard).toMatchObject({ text: 'half', error: { code: 'cut' }, requests: 1 })
  })

  test('finish_reason on the one chunk that came, and then a cut', async () => {
    const heard = await hear(({ res }) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).write(say('ha', 'stop'))
      setImmediate(() => res.destroy())
    })
    expect(heard).toMatchObject({ text: 'ha', error: { code: 'cut' } })
  })

  test('[DONE], and nothing before it', async () => {
    expect(await hear(body(DONE))).toMatchObject({ text: '', error: { code: 'cut' }, requests: 2 })
  })
})

describe('an error in an answer of 200 is what it says', () => {
  const full = 'request (5000 tokens) exceeds the available context size (4096 tokens)'
  test.each([
    ['402', data({ error: { code: 402, message: 'Insufficient credits' } }), 'quota_exhausted'],
    ['"402"', data({ error: { code: '402', message: 'No.' } }), 'quota_exhausted'],
    ['401', data({ error: { code: 401, message: 'User not found' } }), 'key_refused'],
    ['too long', data({ error: { code: 400, message: full } }), 'context_too_long'],
    [
      'too long, by its type',
      data({ error: { code: 400, type: 'exceed_context_size_error' } }),
      'context_too_long',
    ],
    ['400', data({ error: { code: 400, message: 'No.' } }), 'bad_request'],
    ['flat', data({ object: 'error', code: 402, message: 'No.' }), 'quota_exhausted'],
    [
      'in a choice',
      data({ choices: [{ index: 0, error: { code: 402, message: 'No.' } }] }),
      'quota_exhausted',
    ],
    ['an event named error', 'event: error\ndata: {"message":"No.","code":403}\n\n', 'access_denied'],
    ['an event of plain text', 'event: error\ndata: "It broke."\n\n', 'failed'],
    ['without data:', '{"error":{"message":"No.","code":"insufficient_quota"}}', 'quota_exhausted'],
    ['as a list on several lines', '[{\n  "error": {\n    "code": 402\n  }\n}]\n', 'quota_exhausted'],
  ])('%s', async (_, text, code) => {
    expect(await hear(body(text))).toMatchObject({ text: '', error: { code }, requests: 1 })
  })

  test('also as a body of JSON', async () => {
    const text = JSON.stringify({ error: { message: 'quota exceeded', code: 'insufficient_quota' } })
    expect(await hear(body(text, 'application/json'))).toMatchObject({
      error: { code: 'quota_exhausted', detail: 'insufficient_quota, quota exceeded' },
    })
  })

  test('also in the middle, and then it is not asked again', async () => {
    const text = say('a') + data({ error: { code: '429', type: 'None', message: 'RateLimitError' } })
    expect(await hear(body(text))).toMatchObject({ text: 'a', error: { code: 'rate_limited' }, requests: 1 })
  })

  test('JSON that is no error is no answer', async () => {
    const whole = {
      object: 'chat.completion',
      choices: [{ message: { content: 'a' }, finish_reason: 'stop' }],
    }
    const heard = await hear(body(JSON.stringify(whole), 'application/json'))
    expect(heard).toMatchObject({ text: '', error: { code: 'bad_answer' } })
  })
})

describe('what passes is asked again as long as nothing of an answer came', () => {
  test.each<[string, Answer]>([
    ['a 429 in the stream', body(`: PROCESSING\n\n${data({ error: { code: 429 }, choices: [] })}`)],
    ['a 503 in the stream', body(data({ error: { code: 503, message: 'Overloaded' } }))],
    ['an empty answer', body('')],
    ['an answer of comments', body(': PROCESSING\n\n')],
    [
      'a reset behind the headers',
      ({ res }) => {
        res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
        setImmediate(() => res.destroy())
      },
    ],
  ])('%s', async (_, first) => {
    const whole = body(say('ab') + finish() + DONE)
    const heard = await hear((request, attempt) => (attempt === 1 ? first : whole)(request, attempt))
    expect(heard).toMatchObject({ text: 'ab', outcome: 'completed', requests: 2 })
  })

  test('unless the service wants to be left alone for an hour, which is told', async () => {
    const heard = await hear(({ res }) => {
      res.writeHead(429, { 'retry-after': '3600', 'content-type': 'application/json' })
      res.end('{"error":{"message":"daily limit"}}')
    })
    expect(heard).toMatchObject({ error: { code: 'rate_limited', retryAfter: 3600 }, requests: 1 })
    expect(heard.error?.sentence).toMatch(/Please try again in an hour\.$/)
    expect(heard.error?.detail).toBe('HTTP 429, again after 3600 s, daily limit')
  })
})

test('in the Responses API signs of life, errors and resets mean the same', async () => {
  let asked = 0
  const { baseURL } = await upstream(({ res }) => {
    if (++asked === 1)
      return void res
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end(data({ error: { code: 429 } }))
    res.writeHead(200, { 'content-type': 'text/event-stream' })
    res.write(`data:\n\ndata: : alive\n\nevent: ping\ndata: {}\n\n${data({})}${data({ type: 'ping' })}`)
    res.end(`${data({ type: 'response.output_text.delta', delta: 'a' })}event: error\ndata: {"code":402}\n\n`)
  })
  const types: string[] = []
  const answer = async (): Promise<void> => {
    const events = openai({ model: 'm', input: 'prompt', apiKey: 'key', baseURL, maxRetries: 1 })
    for await (const { type } of events({ signal })) types.push(type)
  }
  await expect(answer()).rejects.toMatchObject({ code: 'quota_exhausted' })
  expect(types).toEqual(['response.output_text.delta'])
})
