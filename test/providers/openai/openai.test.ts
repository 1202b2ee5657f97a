/** The provider against a mock by others: what a model service answers in the ordinary and in trouble. */
import { OpenAI } from 'openai'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { answerOutcome, answerText, openai, UpstreamError } from '../../../src/openai.ts'
import type { AnswerOutcome, OpenAIOptions, ResponseStreamEvent } from '../../../src/openai.ts'
import { ANSWER, ECHOED_KEY, PROMPTS, startAimock } from '../../support/aimock.ts'
import type { Aimock } from '../../support/aimock.ts'

const { signal } = new AbortController()
let aimock: Aimock

beforeAll(async () => {
  aimock = await startAimock()
})

afterAll(() => aimock.close())

function ask(prompt: string, options: Partial<OpenAIOptions> = {}) {
  return openai({
    model: 'gpt-5.5',
    input: prompt,
    apiKey: 'sk-test-secret',
    baseURL: aimock.baseURL,
    maxRetries: 0,
    ...options,
  })
}

interface Heard {
  text: string
  types: string[]
  outcome?: AnswerOutcome
  error?: unknown
}

async function hear(events: AsyncIterable<ResponseStreamEvent>): Promise<Heard> {
  const heard: Heard = { text: '', types: [] }
  try {
    for await (const event of events) {
      heard.types.push(event.type)
      heard.text += answerText(event) ?? ''
      const outcome = answerOutcome(event)
      if (outcome) heard.outcome = outcome
    }
  } catch (error) {
    heard.error = error
  }
  return heard
}

describe('an answer', () => {
  test('comes event by event, whole and in order', async () => {
    const heard = await hear(ask(PROMPTS.answer)({ signal }))
    expect(heard.text).toBe(ANSWER)
    expect(heard.types[0]).toBe('response.created')
    expect(heard.types.at(-1)).toBe('response.completed')
    expect(heard.outcome).toEqual({ status: 'completed' })
    expect(heard).not.toHaveProperty('error')
  })

  test('is asked anew each time the provider is called', async () => {
    const provider = ask(PROMPTS.answer)
    const before = aimock.requests.length
    await Promise.all([hear(provider({ signal })), hear(provider({ signal }))])
    expect(aimock.requests).toHaveLength(before + 2)
  })

  test('is not asked for before the first next()', async () => {
    const before = aimock.requests.length
    const events = ask(PROMPTS.answer)({ signal })[Symbol.asyncIterator]()
    await hear(ask(PROMPTS.answer)({ signal }))
    expect(aimock.requests).toHaveLength(before + 1)
    await events.return?.()
  })

  test('that ran into a limit ends normally, and says so', async () => {
    const heard = await hear(ask(PROMPTS.incomplete)({ signal }))
    expect(heard.text).toBe(ANSWER)
    expect(heard.outcome).toMatchObject({ status: 'incomplete' })
    expect(heard).not.toHaveProperty('error')
  })

  test('comes through a client of the caller', async () => {
    const client = new OpenAI({ apiKey: 'sk-test', baseURL: aimock.baseURL, logLevel: 'off' })
    const heard = await hear(openai({ model: 'm', input: PROMPTS.answer, client })({ signal }))
    expect(heard.text).toBe(ANSWER)
  })
})

describe('a failure', () => {
  test.each([
    [PROMPTS.key, 'key_refused', false],
    [PROMPTS.rate, 'rate_limited', true],
    [PROMPTS.quota, 'quota_exhausted', false],
    [PROMPTS.long, 'context_too_long', false],
    [PROMPTS.model, 'model_not_found', false],
    [PROMPTS.server, 'unavailable', true],
  ])('%s', async (prompt, code, retryable) => {
    const heard = await hear(ask(prompt)({ signal }))
    expect(heard.types).toEqual([])
    expect(heard.error).toBeInstanceOf(UpstreamError)
    expect(heard.error).toMatchObject({ code, retryable })
  })

  test('a refused key is quoted nowhere', async () => {
    const { error } = await hear(ask(PROMPTS.key)({ signal }))
    const everything = allOf(error)
    expect(everything).toContain('key_refused')
    expect(everything).not.toContain(ECHOED_KEY)
    expect(everything).not.toMatch(/1234|WXYZ|sk-test/)
  })

  test('an answer that is cut keeps what came, and is no normal end', async () => {
    const heard = await hear(ask(PROMPTS.cut)({ signal }))
    expect(ANSWER.startsWith(heard.text)).toBe(true)
    expect(heard.text).not.toBe('')
    expect(heard.error).toMatchObject({ code: 'cut', retryable: true })
  })
})

describe('retries', () => {
  test('a failure before the first event is asked again', async () => {
    const before = aimock.requests.length
    const heard = await hear(ask(PROMPTS.flaky, { maxRetries: 1 })({ signal }))
    expect(heard.text).toBe(ANSWER)
    expect(aimock.requests).toHaveLength(before + 2)
  })

  test('as often as it may be', async () => {
    const before = aimock.requests.length
    const heard = await hear(ask(PROMPTS.rate, { maxRetries: 2 })({ signal }))
    expect(heard.error).toMatchObject({ code: 'rate_limited' })
    expect(aimock.requests).toHaveLength(before + 3)
  })

  test('an answer that has begun is never asked for again', async () => {
    const before = aimock.requests.length
    await hear(ask(PROMPTS.cut, { maxRetries: 2 })({ signal }))
    expect(aimock.requests).toHaveLength(before + 1)
  })
})

describe('Stop', () => {
  test('ends the request at the service, and the answer with the reason of the stop', async () => {
    const index = aimock.requests.length
    const stop = new AbortController()
    const events = ask(PROMPTS.slow)({ signal: stop.signal })[Symbol.asyncIterator]()
    let text = ''
    while (text.length < 8) text += answerText((await events.next()).value as ResponseStreamEvent) ?? ''
    const request = await aimock.request(index)
    expect(request.prompt).toBe(PROMPTS.slow)
    const reason = new Error('Stop was pressed')
    const due = events.next()
    stop.abort(reason)
    await expect(due).rejects.toBe(reason)
    expect(await request.ended).toMatchObject({ complete: false })
    expect(ANSWER.startsWith(text)).toBe(true)
  })

  test('before the answer is asked for, asks for none', async () => {
    const before = aimock.requests.length
    const reason = new Error('too late')
    expect(await hear(ask(PROMPTS.answer)({ signal: AbortSignal.abort(reason) }))).toMatchObject({
      error: reason,
    })
    expect(aimock.requests).toHaveLength(before)
  })

  test('while the SDK is being loaded, asks for none', async () => {
    const before = aimock.requests.length
    const stop = new AbortController()
    const heard = hear(ask(PROMPTS.answer)({ signal: stop.signal }))
    const reason = new Error('at once')
    stop.abort(reason)
    expect(await heard).toMatchObject({ error: reason })
    expect(aimock.requests).toHaveLength(before)
  })
})

describe('options that cannot work are refused when the provider is made', () => {
  test.each([-1, 1.5, Number.NaN, Infinity])('maxRetries %s', (maxRetries) => {
    expect(() => ask('', { maxRetries })).toThrow(RangeError)
  })

  test.each([0, -1, Number.NaN, Infinity, 2_147_484])('a wait of %s seconds', (seconds) => {
    const refusal = (name: string) =>
      new RangeError(`${name} is ${seconds}; it takes 0.001 to 2147483 seconds`)
    expect(() => ask('', { stallTimeout: seconds })).toThrow(refusal('stallTimeout'))
    expect(() => ask('', { startTimeout: seconds })).toThrow(refusal('startTimeout'))
    expect(() => ask('', { background: true, queueTimeout: seconds })).toThrow(refusal('queueTimeout'))
  })

  test.each([-1, 0.5, Number.NaN])('maxRejoins %s', (maxRejoins) => {
    expect(() => ask('', { background: true, maxRejoins })).toThrow(/^maxRejoins must be a whole number/)
  })

  test('a response in the background that is not to be stored', () => {
    expect(() => ask('', { background: true, store: false })).toThrow(/leave out store: false$/)
  })

  test('neither a key nor an address', () => {
    vi.stubEnv('OPENAI_API_KEY', '')
    vi.stubEnv('OPENAI_BASE_URL', '')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(() => openai({ model: 'm', input: 'prompt' })).toThrow(/set OPENAI_API_KEY, or OPENAI_BASE_URL/)
  })

  test('an address', () => {
    expect(() => ask('', { baseURL: 'nowhere' })).toThrow(/^baseURL must be/)
  })

  test('a key', () => {
    expect(() => ask('', { apiKey: 'two words' })).toThrow(/^apiKey contains/)
  })
})

/** All that any logger could print of an error. */
function allOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = Object.getOwnPropertyNames(error).map((name) => String(Reflect.get(error, name)))
  return [String(error), ...own, JSON.stringify(error)].join('\n')
}
