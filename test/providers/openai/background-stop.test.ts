/** What a stop does to a response in the background: cancelled by its id, at once, once, and never left behind. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { openai } from '../../../src/openai.ts'
import type { OpenAIOptions } from '../../../src/openai.ts'
import type { BackgroundPlace } from '../../../src/providers/openai/background-place.ts'
import { RunMovedError } from '../../../src/providers/provider.ts'
import type { ProviderContext } from '../../../src/providers/provider.ts'
import { collect } from '../../support/collect.ts'
import type { Script } from '../../support/mock-response.ts'
import { ResponsesMock, scripted } from '../../support/responses-mock.ts'
import { stream, upstream } from '../../support/upstream.ts'
import type { UpstreamRequest } from '../../support/upstream.ts'

interface Answering {
  readonly mock: ResponsesMock
  readonly stop: AbortController
  readonly answer: AsyncIterator<unknown, unknown>
}

async function begin(
  script: Script,
  { events = 0, ...options }: Partial<OpenAIOptions> & { events?: number } = {},
  context: Partial<ProviderContext> = {},
): Promise<Answering> {
  const mock = await ResponsesMock.start()
  onTestFinished(() => mock.close())
  const stop = new AbortController()
  const provider = openai({
    model: 'm',
    input: 'prompt',
    apiKey: 'sk-1',
    baseURL: mock.baseURL,
    background: true,
    maxRetries: 0,
    ...scripted(script),
    ...options,
  })
  const answer = provider({ signal: stop.signal, ...context })[Symbol.asyncIterator]()
  for (let i = 0; i < events; i++) await answer.next()
  return { mock, stop, answer }
}

const reason = new Error('Stop was pressed')

describe('a stop', () => {
  test('while an event is due', async () => {
    const { mock, stop, answer } = await begin({ hold: 5 }, { events: 5 })
    const due = answer.next()
    stop.abort(reason)
    await expect(due).rejects.toBe(reason)
    expect(mock.report).toMatchObject({ cancelled: 1, joins: 0, responses: [{ cancels: 1 }] })
  })

  test('while nobody asks for the next event', async () => {
    const { mock, stop, answer } = await begin({ hold: 5 }, { events: 5 })
    stop.abort(reason)
    const response = await mock.response(0)
    await response.grown(5)
    expect(response.status).toBe('cancelled')
    await expect(answer.next()).rejects.toBe(reason)
    expect(response.cancels).toBe(1)
  })

  test.each([
    ['before the service has answered', { hold: 0 }],
    ['before the first event', { hold: 0, queued: 'forever' }],
    ['in the queue', { hold: 1, queued: 'forever' }],
  ] as const)('while the response is being made, %s', async (_, script) => {
    const { mock, stop, answer } = await begin(script)
    const due = answer.next().then(() => answer.next())
    const response = await mock.response(0)
    stop.abort(reason)
    mock.release()
    await expect(due).rejects.toBe(reason)
    expect(response.status).toBe('cancelled')
    expect(mock.report).toMatchObject({ created: 1, creates: 1 })
  })

  test('while the response is being made, and signs of life come before its id', async () => {
    const asked = Promise.withResolvers<UpstreamRequest>()
    const cancelled = Promise.withResolvers<string | undefined>()
    const { baseURL } = await upstream((request) => {
      const { req, res } = request
      if (!req.url?.endsWith('/cancel')) return asked.resolve(request)
      cancelled.resolve(req.url)
      res.writeHead(200, { 'content-type': 'application/json' }).end('{}')
    })
    const stop = new AbortController()
    const options = { model: 'm', input: 'prompt', apiKey: 'sk-1', baseURL, background: true }
    const due = openai(options)({ signal: stop.signal })[Symbol.asyncIterator]().next()
    const { res } = await asked.promise
    stop.abort(reason)
    const response = { id: 'resp_1', status: 'queued' }
    stream(res, { type: 'keepalive' }, { type: 'response.created', sequence_number: 0, response } as never)
    await expect(due).rejects.toBe(reason)
    expect(await cancelled.promise).toBe('/v1/responses/resp_1/cancel')
  })

  test('when the reader leaves', async () => {
    const { mock, answer } = await begin({ hold: 5 }, { events: 5 })
    const due = answer.next()
    await answer.return?.()
    expect(await due).toEqual({ done: true, value: undefined })
    expect(mock.report).toMatchObject({ cancelled: 1, responses: [{ cancels: 1 }] })
  })

  test('when the reader leaves between events', async () => {
    const { mock, answer } = await begin({ hold: 5 }, { events: 5 })
    await answer.return?.()
    expect(mock.report.cancelled).toBe(1)
  })

  test('in the pause before the connection is made anew', async () => {
    const { mock, stop, answer } = await begin({ hold: 5 }, { events: 5 })
    mock.refuse(503, 503)
    mock.cut()
    const due = answer.next()
    await mock.request(3)
    stop.abort(reason)
    await expect(due).rejects.toBe(reason)
    expect(mock.report).toMatchObject({ cancelled: 1 })
  })

  test('in the pause before the response is asked for again makes none', async () => {
    const { mock, stop, answer } = await begin({}, { maxRetries: 2 })
    mock.refuse(503)
    const due = answer.next()
    await mock.request(1)
    stop.abort(reason)
    await expect(due).rejects.toBe(reason)
    expect(mock.report).toMatchObject({ created: 0 })
  })

  test('when the cancel itself fails at first', async () => {
    const { mock, stop, answer } = await begin({ hold: 5 }, { events: 5 })
    mock.refuse(500)
    const due = answer.next()
    stop.abort(reason)
    await expect(due).rejects.toBe(reason)
    expect(mock.report.cancelled).toBe(1)
  })

  test('after the last event cancels nothing', async () => {
    const { mock, stop, answer } = await begin({ words: 1 }, { events: 6 })
    expect(mock.responses[0]?.status).toBe('completed')
    stop.abort(reason)
    await expect(answer.next()).rejects.toBe(reason)
    expect(mock.report.responses).toMatchObject([{ cancels: 0, status: 'completed' }])
  })

  test('before the answer is asked for asks for none', async () => {
    const { mock, stop, answer } = await begin({})
    stop.abort(reason)
    await expect(answer.next()).rejects.toBe(reason)
    expect(mock.requests).toEqual([])
  })
})

describe('a run that moved to another process', () => {
  test('leaves the response alone', async () => {
    const { mock, stop, answer } = await begin({ hold: 5 }, { events: 5 })
    const due = answer.next()
    const moved = new RunMovedError()
    stop.abort(moved)
    await expect(due).rejects.toBe(moved)
    await answer.return?.()
    expect(mock.requests).toHaveLength(1)
    expect(mock.report).toMatchObject({ cancelled: 0 })
  })

  test('leaves it alone while it is being made', async () => {
    const { mock, stop, answer } = await begin({ hold: 0 })
    const due = answer.next()
    await mock.response(0)
    stop.abort(new RunMovedError())
    await expect(due).rejects.toBeInstanceOf(RunMovedError)
    expect(mock.requests).toHaveLength(1)
  })
})

describe('a stop of a run whose process died', () => {
  const response = 'resp_of_the_dead'

  test('cancels the response that the checkpoint names, and asks for nothing else', async () => {
    const place: BackgroundPlace = { response, after: 3 }
    const { mock, stop, answer } = await begin({}, {}, { resumeFrom: place })
    stop.abort(reason)
    await expect(answer.next()).rejects.toBe(reason)
    expect(mock.requests).toEqual([`POST /v1/responses/${response}/cancel`])
  })

  test('cancels nothing that has ended', async () => {
    const place: BackgroundPlace = { response, after: 3, ended: 'whole' }
    const { mock, stop, answer } = await begin({}, {}, { resumeFrom: place })
    stop.abort(reason)
    await expect(answer.next()).rejects.toBe(reason)
    expect(mock.requests).toEqual([])
  })
})

test('a service that does not answer the cancel does not keep the stop waiting for ever', async () => {
  const { mock, stop, answer } = await begin({ hold: 5 }, { events: 5 })
  await mock.close()
  stop.abort(reason)
  await expect(collect({ [Symbol.asyncIterator]: () => answer })).rejects.toBe(reason)
})
