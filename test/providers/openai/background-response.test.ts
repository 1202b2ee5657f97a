/** Responses in the background, against the mock and through the real SDK: cut, queued, forgotten, odd. */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { answerText, openai, UpstreamError } from '../../../src/openai.ts'
import type { OpenAIOptions, ResponseStreamEvent } from '../../../src/openai.ts'
import { collect } from '../../support/collect.ts'
import type { Script } from '../../support/mock-response.ts'
import { ResponsesMock, scripted } from '../../support/responses-mock.ts'
import { delta, stream, upstream } from '../../support/upstream.ts'

const { signal } = new AbortController()
const SECRET = 'a-secret-of-no-known-shape'

async function start(): Promise<ResponsesMock> {
  const mock = await ResponsesMock.start()
  onTestFinished(() => mock.close())
  return mock
}

function ask(baseURL: string, script: Script, options: Partial<OpenAIOptions> = {}) {
  return openai({
    model: 'm',
    input: 'prompt',
    apiKey: SECRET,
    baseURL,
    maxRetries: 0,
    background: true,
    ...scripted(script),
    ...options,
  })
}

interface Heard {
  readonly events: readonly ResponseStreamEvent[]
  readonly text: string
  readonly error?: unknown
}

async function hear(events: AsyncIterable<ResponseStreamEvent>): Promise<Heard> {
  const heard: ResponseStreamEvent[] = []
  const result = () => ({ events: heard, text: heard.map((event) => answerText(event) ?? '').join('') })
  try {
    for await (const event of events) heard.push(event)
    return result()
  } catch (error) {
    return { ...result(), error }
  }
}

function numbers({ events }: Heard) {
  return events.map((event) => event.sequence_number)
}

describe('an answer', () => {
  test('comes whole, numbered without a gap', async () => {
    const mock = await start()
    const heard = await hear(ask(mock.baseURL, {})({ signal }))
    expect(heard).not.toHaveProperty('error')
    expect(heard.text).toBe(mock.responses[0]!.source)
    expect(numbers(heard)).toEqual([...heard.events.keys()])
    expect(mock.report).toMatchObject({ created: 1, joins: 0, responses: [{ background: true, cancels: 0 }] })
  })

  test('that failed is passed on, and rejects', async () => {
    const mock = await start()
    const heard = await hear(ask(mock.baseURL, { fail: 'server_error' })({ signal }))
    expect(heard.events.at(-1)).toMatchObject({ type: 'response.failed' })
    expect(heard.error).toMatchObject({ code: 'unavailable', detail: 'server_error, An error of the mock.' })
    expect(mock.report).toMatchObject({ joins: 0, responses: [{ cancels: 0 }] })
  })

  test('that ran into a limit ends normally', async () => {
    const mock = await start()
    const heard = await hear(ask(mock.baseURL, { incomplete: 'max_output_tokens' })({ signal }))
    expect(heard.events.at(-1)).toMatchObject({ type: 'response.incomplete' })
    expect(heard).not.toHaveProperty('error')
  })

  test('somebody else cancelled says so', async () => {
    const mock = await start()
    const heard = hear(ask(mock.baseURL, { hold: 5 })({ signal }))
    const response = await mock.response(0)
    await response.grown(4)
    response.cancel()
    expect((await heard).error).toMatchObject({ code: 'cancelled' })
  })
})

describe('a cut connection', () => {
  test('is made anew, and nothing is lost, doubled or paid twice', async () => {
    const mock = await start()
    const heard = await hear(ask(mock.baseURL, { words: 30, cut: 7 })({ signal }))
    expect(heard).not.toHaveProperty('error')
    expect(heard.text).toBe(mock.responses[0]!.source)
    expect(numbers(heard)).toEqual([...heard.events.keys()])
    expect(mock.report).toMatchObject({ created: 1, creates: 1, cancelled: 0 })
    expect(mock.report.joins).toBeGreaterThan(3)
  })

  test('asks for what the first request asked to be included', async () => {
    const mock = await start()
    const include = ['reasoning.encrypted_content' as const]
    const options = { include, stream_options: { include_obfuscation: false } }
    await hear(ask(mock.baseURL, { cut: [7] }, options)({ signal }))
    const [, joined] = mock.requests
    expect(joined).toContain('starting_after=')
    expect(joined).toContain('reasoning.encrypted_content')
    expect(joined).toContain('include_obfuscation=false')
  })

  test('before the first event has the response made under the same key', async () => {
    const mock = await start()
    mock.refuse(0)
    const heard = await hear(ask(mock.baseURL, {}, { maxRetries: 1 })({ signal }))
    expect(heard.text).toBe(mock.responses[0]!.source)
    expect(mock.report).toMatchObject({ created: 1 })
  })

  test('after the headers, too', async () => {
    let asked = 0
    const keys: unknown[] = []
    const { baseURL } = await upstream(({ req, res }) => {
      keys.push(req.headers['idempotency-key'])
      if (++asked > 1) {
        return stream(res, created(), { type: 'response.completed', sequence_number: 1 } as never)
      }
      stream(res, ': hello\n\n')
      setImmediate(() => res.destroy())
    })
    expect(await hear(ask(baseURL, {}, { maxRetries: 1 })({ signal }))).not.toHaveProperty('error')
    expect(keys).toEqual([expect.stringMatching(/^millrace-[0-9a-f]{64}$/), keys[0]])
  })

  test('is tried again through a short outage, and gives up after a long one', async () => {
    const mock = await start()
    const answer = ask(mock.baseURL, { hold: 6 }, { maxRejoins: 2 })({ signal })[Symbol.asyncIterator]()
    for (let i = 0; i < 6; i++) await answer.next()
    mock.refuse(503)
    mock.cut()
    mock.release()
    const rest = await hear({ [Symbol.asyncIterator]: () => answer })
    expect(rest).not.toHaveProperty('error')
    expect(rest.events[0]?.sequence_number).toBe(6)

    const second = ask(mock.baseURL, { hold: 6 }, { maxRejoins: 0 })({ signal })[Symbol.asyncIterator]()
    for (let i = 0; i < 6; i++) await second.next()
    mock.cut()
    expect((await hear({ [Symbol.asyncIterator]: () => second })).error).toMatchObject({ code: 'cut' })
    // Nobody will read the rest of it.
    expect(mock.report.responses[1]).toMatchObject({ status: 'cancelled', cancels: 1 })
  })

  test('a silent one counts as cut', async () => {
    const mock = await start()
    const options = { stallTimeout: 0.5, maxRejoins: 1 }
    const heard = await hear(ask(mock.baseURL, { hold: 6 }, options)({ signal }))
    expect(heard.events).toHaveLength(6)
    expect(heard.error).toMatchObject({ code: 'stalled' })
    expect(mock.report).toMatchObject({ joins: 1, cancelled: 1 })
  })
})

describe('numbers', () => {
  test('that were seen are dropped', async () => {
    const mock = await start()
    const heard = await hear(ask(mock.baseURL, { twice: true })({ signal }))
    expect(heard.text).toBe(mock.responses[0]!.source)
    expect(numbers(heard)).toEqual([...heard.events.keys()])
  })

  test('that are missing are asked for again', async () => {
    const mock = await start()
    const heard = await hear(ask(mock.baseURL, { lose: [5, 6] })({ signal }))
    expect(heard.text).toBe(mock.responses[0]!.source)
    expect(mock.report).toMatchObject({ created: 1, joins: 1 })
    expect(mock.requests[1]).toContain('starting_after=4')
  })

  test('that the service itself lacks end the answer, and the response', async () => {
    const mock = await start()
    const heard = await hear(ask(mock.baseURL, { never: [5], hold: 10 })({ signal }))
    expect(numbers(heard)).toEqual([0, 1, 2, 3, 4])
    expect(heard.error).toMatchObject({ code: 'bad_answer', detail: 'event 5 is missing before event 6' })
    expect(mock.report).toMatchObject({ cancelled: 1 })
  })

  test.each(['numbered', 'beside'] as const)('of a sign of life (%s) are no gap', async (alive) => {
    const mock = await start()
    const heard = await hear(ask(mock.baseURL, { alive })({ signal }))
    expect(heard).not.toHaveProperty('error')
    expect(heard.text).toBe(mock.responses[0]!.source)
    expect(mock.report.joins).toBe(0)
  })
})

describe('a service that cannot answer in the background is told from one that can', () => {
  test('by events without numbers', async () => {
    const mock = await start()
    const heard = await hear(ask(mock.baseURL, { unnumbered: true, hold: 4 })({ signal }))
    expect(heard.events).toEqual([])
    expect(heard.error).toBeInstanceOf(UpstreamError)
    expect(heard.error).toMatchObject({ code: 'background_unsupported', retryable: false })
    expect(mock.report.cancelled).toBe(1)
  })

  test('by a response that is in the foreground', async () => {
    const mock = await start()
    const heard = await hear(ask(mock.baseURL, { foreground: true })({ signal }))
    expect(heard.error).toMatchObject({
      code: 'background_unsupported',
      detail: 'the response is in the foreground',
    })
  })

  test('by events that name no response', async () => {
    const { baseURL } = await upstream(({ res }) =>
      stream(res, { ...delta('a'), sequence_number: 0 } as never),
    )
    expect((await hear(ask(baseURL, {})({ signal }))).error).toMatchObject({ code: 'background_unsupported' })
  })
})

describe('the queue', () => {
  test('of a service is waited for, but not for ever', async () => {
    const mock = await start()
    const heard = await hear(ask(mock.baseURL, { queued: 'forever' }, { queueTimeout: 0.3 })({ signal }))
    expect(heard.events.map(({ type }) => type)).toEqual(['response.created', 'response.queued'])
    expect(heard.error).toMatchObject({
      code: 'queued_too_long',
      detail: 'in the queue for more than 300 ms',
    })
    expect(mock.report).toMatchObject({ cancelled: 1, joins: 0 })
  })

  test('ends with the first event behind it', async () => {
    const mock = await start()
    const answer = ask(mock.baseURL, { hold: 4 }, { queueTimeout: 0.3 })({ signal })[Symbol.asyncIterator]()
    for (let i = 0; i < 4; i++) await answer.next()
    const rest = hear({ [Symbol.asyncIterator]: () => answer })
    // Longer than the time in the queue may be.
    await sleep(350)
    mock.release()
    expect(await rest).not.toHaveProperty('error')
  })
})

test('an answer that the service no longer keeps is a clear failure', async () => {
  const mock = await start()
  const answer = ask(mock.baseURL, { hold: 6 })({ signal })[Symbol.asyncIterator]()
  for (let i = 0; i < 6; i++) await answer.next()
  mock.expire()
  mock.cut()
  const { error } = await hear({ [Symbol.asyncIterator]: () => answer })
  expect(error).toMatchObject({ code: 'expired', retryable: true })
  expect((error as UpstreamError).detail).toMatch(/^HTTP 404/)
})

test('so is one that OpenAI no longer streams', async () => {
  const { baseURL } = await upstream(({ req, res }) => {
    if (req.method === 'POST') {
      stream(res, created())
      setImmediate(() => res.destroy())
      return
    }
    const message = 'This response can no longer be streamed because it is more than 5 minutes old'
    res.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { message } }))
  })
  expect((await hear(ask(baseURL, {})({ signal }))).error).toMatchObject({ code: 'expired' })
})

test('an error in the stream is no cut', async () => {
  const { baseURL, requests } = await upstream(({ req, res }) => {
    if (req.url?.endsWith('/cancel'))
      return void res.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    stream(res, created(), { type: 'error', code: 'server_error', message: `${SECRET} failed` } as never)
  })
  const { error } = await hear(ask(baseURL, {})({ signal }))
  expect(error).toMatchObject({ code: 'unavailable', detail: 'server_error, [redacted] failed' })
  expect(requests.map(({ req }) => `${req.method} ${req.url}`)).toEqual([
    'POST /v1/responses',
    'POST /v1/responses/resp_1/cancel',
  ])
})

describe('the idempotency key', () => {
  async function keyOf(options: Partial<OpenAIOptions>, runId?: string) {
    const mock = await start()
    await collect(ask(mock.baseURL, {}, options)({ signal, ...(runId !== undefined && { runId }) }))
    return mock.responses[0]?.key
  }

  test('is made of the run and of what is asked, and tells neither', async () => {
    const key = await keyOf({}, 'my-run')
    expect(key).toMatch(/^millrace-[0-9a-f]{64}$/)
    expect(await keyOf({}, 'my-run')).toBe(key)
    expect(await keyOf({}, 'another')).not.toBe(key)
    expect(await keyOf({ input: 'another' }, 'my-run')).not.toBe(key)
  })

  test('is a new one for each generation outside of a run', async () => {
    expect(await keyOf({})).not.toBe(await keyOf({}))
  })
})

function created() {
  return { type: 'response.created', sequence_number: 0, response: { id: 'resp_1', status: 'in_progress' } }
}
