/** The provider against a service that misbehaves in ways a mock does not: silence, cuts, nonsense. */
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { openai, UpstreamError } from '../../../src/openai.ts'
import type { OpenAIOptions, ResponseStreamEvent } from '../../../src/openai.ts'
import { collect } from '../../support/collect.ts'
import { delta, stream, upstream } from '../../support/upstream.ts'

const { signal } = new AbortController()
const SECRET = 'a-secret-of-no-known-shape'

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
})

function ask(baseURL: string, options: Partial<OpenAIOptions> = {}) {
  return openai({ model: 'm', input: 'prompt', apiKey: SECRET, baseURL, maxRetries: 0, ...options })
}

function begin(events: AsyncIterable<ResponseStreamEvent>) {
  return events[Symbol.asyncIterator]()
}

async function failure(events: AsyncIterable<ResponseStreamEvent>): Promise<UpstreamError> {
  try {
    await collect(events)
  } catch (error) {
    if (error instanceof UpstreamError) return error
    throw error
  }
  throw new Error('the answer ended normally')
}

describe('silence', () => {
  test('before an answer', async () => {
    const { baseURL, requests } = await upstream(() => {})
    expect(await failure(ask(baseURL, { stallTimeout: 0.3 })({ signal }))).toMatchObject({
      code: 'timed_out',
    })
    // On a busy machine the time is over before the request is out.
    for (const { closed } of requests) await closed
  })

  test('before the first event', async () => {
    const { baseURL, requests } = await upstream(({ res }) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    })
    expect(await failure(ask(baseURL, { stallTimeout: 0.3 })({ signal }))).toMatchObject({ code: 'stalled' })
    await requests[0]!.closed
  })

  test('in the middle of an answer', async () => {
    const { baseURL, requests } = await upstream(({ res }) => stream(res, delta('a')))
    const events = begin(ask(baseURL, { stallTimeout: 0.3 })({ signal }))
    expect((await events.next()).value).toMatchObject({ delta: 'a' })
    await expect(events.next()).rejects.toMatchObject({
      code: 'stalled',
      retryable: true,
      detail: 'no data for 300 ms',
    })
    await requests[0]!.closed
  })

  test('is not retried', async () => {
    const { baseURL, requests } = await upstream(({ res }) => stream(res, ': hello\n\n'))
    await failure(ask(baseURL, { stallTimeout: 0.3, maxRetries: 2 })({ signal }))
    expect(requests).toHaveLength(1)
  })

  test("is broken by a service's signs of life, which are not passed on", async () => {
    const { baseURL } = await upstream(({ res }) =>
      stream(res, delta('a'), ': alive\n\n', { type: 'keepalive' }, delta('b'), {
        type: 'response.completed',
      }),
    )
    const events = await collect(ask(baseURL)({ signal }))
    expect(events.map(({ type }) => type)).toEqual([
      'response.output_text.delta',
      'response.output_text.delta',
      'response.completed',
    ])
  })
})

describe('the wait for an answer to begin', () => {
  test('is limited, retries included', async () => {
    const { baseURL, requests } = await upstream(() => {})
    const error = await failure(ask(baseURL, { startTimeout: 0.3, maxRetries: 2 })({ signal }))
    expect(error).toMatchObject({ code: 'timed_out', detail: 'no answer within 300 ms' })
    expect(requests).toHaveLength(1)
    await requests[0]!.closed
  })

  test('is over with the first byte, not with the headers', async () => {
    const { baseURL, requests } = await upstream(({ res }) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    })
    const error = await failure(ask(baseURL, { startTimeout: 0.3 })({ signal }))
    expect(error).toMatchObject({ code: 'timed_out', detail: 'headers came in time, but no answer' })
    await requests[0]!.closed
  })

  test('is over with a sign of life', async () => {
    const { baseURL } = await upstream(({ res }) => {
      stream(res, ': thinking\n\n')
      setTimeout(() => stream(res, { type: 'response.completed' }), 400)
    })
    expect(await collect(ask(baseURL, { startTimeout: 0.3 })({ signal }))).toHaveLength(1)
  })

  test('is not spent on a pause that would end too late', async () => {
    const { baseURL, requests } = await upstream(({ res }) => {
      res.writeHead(429, { 'retry-after': '50' }).end()
    })
    const error = await failure(ask(baseURL, { startTimeout: 49, maxRetries: 2 })({ signal }))
    expect(error).toMatchObject({ code: 'rate_limited' })
    expect(requests).toHaveLength(1)
  })

  test('limits the body of an error, too', async () => {
    const { baseURL, requests } = await upstream(({ res }) => {
      res.writeHead(400, { 'content-type': 'application/json' }).write('{"error":')
    })
    const error = await failure(ask(baseURL, { startTimeout: 0.3 })({ signal }))
    expect(error).toMatchObject({ code: 'timed_out' })
    await requests[0]!.closed
  })
})

describe('a broken answer', () => {
  test('the connection is cut in the middle of an event', async () => {
    const { baseURL } = await upstream(({ res }) => {
      stream(res, delta('a'), 'data: {"type":"response.output_te')
      setImmediate(() => res.destroy())
    })
    expect(await failure(ask(baseURL)({ signal }))).toMatchObject({ code: 'cut' })
  })

  test('the body ends in the middle of an event', async () => {
    const { baseURL } = await upstream(({ res }) => {
      stream(res, delta('a'), 'data: {"type":"response.output_te')
      res.end()
    })
    expect(await failure(ask(baseURL)({ signal }))).toMatchObject({ code: 'cut' })
  })

  test('the body ends after whole events, but without a last one', async () => {
    const { baseURL } = await upstream(({ res }) => {
      stream(res, delta('a'))
      res.end()
    })
    expect(await failure(ask(baseURL)({ signal }))).toMatchObject({ code: 'cut' })
  })

  test('the body says [DONE] without a last event', async () => {
    const { baseURL } = await upstream(({ res }) => stream(res, delta('a'), 'data: [DONE]\n\n'))
    expect(await failure(ask(baseURL)({ signal }))).toMatchObject({ code: 'cut' })
  })

  test.each([
    ['JSON that is none', 'data: {"type":\n\n'],
    ['a number', 'data: 7\n\n'],
    ['null', 'data: null\n\n'],
    ['an event without a type', 'data: {"choices":[]}\n\n'],
    ['an event whose type is no text', 'data: {"type":{}}\n\n'],
  ])('%s in an event', async (_, part) => {
    const print = vi.spyOn(console, 'error')
    const { baseURL, requests } = await upstream(({ res }) => stream(res, delta('a'), part))
    expect(await failure(ask(baseURL)({ signal }))).toMatchObject({ code: 'bad_answer' })
    await requests[0]!.closed
    expect(print).not.toHaveBeenCalled()
  })

  test.each([
    ['application/json', '{"id":"resp_1","object":"response"}'],
    ['text/html', '<h1>Welcome</h1>'],
  ])('no event stream but %s', async (type, body) => {
    const { baseURL } = await upstream(({ res }) => res.writeHead(200, { 'content-type': type }).end(body))
    const error = await failure(ask(baseURL)({ signal }))
    expect(error).toMatchObject({ code: 'bad_answer' })
    expect(error.detail).toContain(type)
  })

  test('no body', async () => {
    const { baseURL } = await upstream(({ res }) => res.writeHead(204).end())
    expect(await failure(ask(baseURL)({ signal }))).toMatchObject({ code: 'bad_answer' })
  })
})

describe('an error that the service sends in the stream', () => {
  test.each([
    ['as documented', { type: 'error', code: 'server_error', message: 'Sorry.', param: null }],
    ['as it is also sent', { type: 'error', error: { type: 'x', code: 'server_error', message: 'Sorry.' } }],
  ])('%s', async (_, event) => {
    const { baseURL } = await upstream(({ res }) => stream(res, delta('a'), event))
    expect(await failure(ask(baseURL)({ signal }))).toMatchObject({
      code: 'unavailable',
      detail: 'server_error, Sorry.',
    })
  })

  test('without a type', async () => {
    const { baseURL } = await upstream(({ res }) => stream(res, 'data: {"error":{"message":"Sorry."}}\n\n'))
    expect(await failure(ask(baseURL)({ signal }))).toMatchObject({ code: 'failed', detail: 'Sorry.' })
  })

  test('as a failed response, which is passed on first', async () => {
    const error = { code: 'server_error', message: `${SECRET} did not work` }
    const { baseURL } = await upstream(({ res }) =>
      stream(res, delta('a'), { type: 'response.failed', response: { status: 'failed', error } } as never),
    )
    const events = begin(ask(baseURL)({ signal }))
    await events.next()
    expect((await events.next()).value).toEqual({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'server_error', message: '[redacted] did not work' } },
    })
    await expect(events.next()).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('a service that cannot be reached', () => {
  test('refuses the connection', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    await new Promise((resolve) => server.close(resolve))
    const error = await failure(ask(`http://127.0.0.1:${port}/v1`)({ signal }))
    expect(error).toMatchObject({ code: 'unreachable', retryable: true })
    expect(error.detail).toContain('ECONNREFUSED')
  })

  test('has a name that is none', async () => {
    expect(await failure(ask('http://nowhere.invalid/v1')({ signal }))).toMatchObject({ code: 'unreachable' })
  })

  test('hangs up on the request', async () => {
    const { baseURL } = await upstream(({ req }) => req.socket.destroy())
    expect(await failure(ask(baseURL)({ signal }))).toMatchObject({ code: 'unreachable' })
  })

  test('hangs up once, and is asked again', async () => {
    let asked = 0
    const { baseURL } = await upstream(({ req, res }) => {
      if (++asked === 1) req.socket.destroy()
      else stream(res, { type: 'response.completed' })
    })
    expect(await collect(ask(baseURL, { maxRetries: 1 })({ signal }))).toHaveLength(1)
  })
})

describe('the key', () => {
  test.each([400, 401, 403, 404, 429, 500])(
    'is not in the error of a %s that quotes all it was sent',
    async (status) => {
      const { baseURL } = await upstream(({ req, res }) => {
        const message = `refused ${JSON.stringify(req.headers)} of ${SECRET.slice(0, 4)}********${SECRET.slice(-4)}`
        const error = { message, type: SECRET, code: SECRET, param: SECRET }
        res.writeHead(status, { 'content-type': 'application/json', 'x-request-id': SECRET })
        res.end(JSON.stringify({ error }))
      })
      const { message, detail, stack } = await failure(ask(baseURL)({ signal }))
      for (const part of [SECRET, SECRET.slice(-4), 'Bearer a'])
        expect(`${message}${detail}${stack}`).not.toContain(part)
      expect(detail).toContain(`HTTP ${status}`)
    },
  )

  test('is sent as a header to the address, and nothing else is logged', async () => {
    const prints = (['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name))
    vi.stubEnv('OPENAI_LOG', 'debug')
    const { baseURL, requests } = await upstream(({ res }) => stream(res, { type: 'response.completed' }))
    await collect(ask(baseURL)({ signal }))
    expect(requests[0]!.req.headers.authorization).toBe(`Bearer ${SECRET}`)
    for (const print of prints) expect(print).not.toHaveBeenCalled()
  })

  test('may be none for a service of its own address', async () => {
    vi.stubEnv('OPENAI_API_KEY', '')
    const { baseURL, requests } = await upstream(({ res }) => stream(res, { type: 'response.completed' }))
    await collect(ask(baseURL, { apiKey: undefined })({ signal }))
    expect(requests).toHaveLength(1)
  })
})
