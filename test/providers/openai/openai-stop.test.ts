/** What a stop does on the wire: the test waits for the service to see its connection closed. */
import { describe, expect, test } from 'vitest'
import { answerText, openai } from '../../../src/openai.ts'
import type { OpenAIOptions, ResponseStreamEvent } from '../../../src/openai.ts'
import { collect } from '../../support/collect.ts'
import { delta, stream, upstream } from '../../support/upstream.ts'
import type { UpstreamRequest } from '../../support/upstream.ts'

const { signal } = new AbortController()

function ask(baseURL: string, options: Partial<OpenAIOptions> = {}) {
  return openai({ model: 'm', input: 'prompt', apiKey: 'sk-1', baseURL, maxRetries: 0, ...options })
}

function begin(events: AsyncIterable<ResponseStreamEvent>) {
  return events[Symbol.asyncIterator]()
}

describe('the request on the wire ends', () => {
  test('when the signal aborts before there is an answer', async () => {
    const arrived = Promise.withResolvers<UpstreamRequest>()
    const { baseURL } = await upstream(arrived.resolve)
    const stop = new AbortController()
    const due = begin(ask(baseURL)({ signal: stop.signal })).next()
    const { closed } = await arrived.promise
    stop.abort(new Error('Stop'))
    await expect(due).rejects.toThrow('Stop')
    await closed
  })

  test('when the signal aborts while an event is due', async () => {
    const { baseURL, requests } = await upstream(({ res }) => stream(res, delta('a')))
    const stop = new AbortController()
    const events = begin(ask(baseURL)({ signal: stop.signal }))
    await events.next()
    const due = events.next()
    stop.abort(new Error('Stop'))
    await expect(due).rejects.toThrow('Stop')
    await requests[0]!.closed
  })

  test('when the signal aborts while nobody asks for the next event', async () => {
    const { baseURL, requests } = await upstream(({ res }) => stream(res, delta('a')))
    const stop = new AbortController()
    const events = begin(ask(baseURL)({ signal: stop.signal }))
    await events.next()
    stop.abort(new Error('Stop'))
    await requests[0]!.closed
    await expect(events.next()).rejects.toThrow('Stop')
  })

  test('when the reader leaves between events', async () => {
    const { baseURL, requests } = await upstream(({ res }) => stream(res, delta('a')))
    for await (const event of ask(baseURL)({ signal })) {
      expect(answerText(event)).toBe('a')
      break
    }
    await requests[0]!.closed
  })

  test('when the reader leaves while an event is due', async () => {
    const { baseURL, requests } = await upstream(({ res }) => stream(res, delta('a')))
    const events = begin(ask(baseURL)({ signal }))
    await events.next()
    const due = events.next()
    await events.return?.()
    expect(await due).toEqual({ done: true, value: undefined })
    await requests[0]!.closed
  })

  test('after the last event, though the service leaves it open', async () => {
    const { baseURL, requests } = await upstream(({ res }) =>
      stream(res, delta('a'), { type: 'response.completed' }),
    )
    expect(await collect(ask(baseURL)({ signal }))).toHaveLength(2)
    await requests[0]!.closed
  })

  test('when the signal aborts in the pause before a retry', async () => {
    const arrived = Promise.withResolvers<UpstreamRequest>()
    const { baseURL, requests } = await upstream((request) => {
      request.res.writeHead(503, { 'retry-after-ms': '50000' }).end()
      request.res.once('finish', () => arrived.resolve(request))
    })
    const stop = new AbortController()
    const due = begin(ask(baseURL, { maxRetries: 1 })({ signal: stop.signal })).next()
    await arrived.promise
    stop.abort(new Error('Stop'))
    await expect(due).rejects.toThrow('Stop')
    expect(requests).toHaveLength(1)
  })
})
