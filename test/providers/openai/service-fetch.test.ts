import { afterEach, describe, expect, test } from 'vitest'
import { openaiChat } from '../../../src/openai.ts'
import { patience, serviceFetch } from '../../../src/providers/openai/service-fetch.ts'
import { collect } from '../../support/collect.ts'
import { upstream } from '../../support/upstream.ts'

const { signal } = new AbortController()
const NAME = Symbol.for('undici.globalDispatcher.1')
type Agent = new (options: object) => object
const dispatchers = globalThis as unknown as Record<symbol, { constructor: Agent }>
const original = dispatchers[NAME]

afterEach(() => {
  dispatchers[NAME] = original!
})

describe("the limits of Node's own fetch", () => {
  /** In place of its 300 seconds. */
  function makeHasty(): void {
    const { constructor: Agent } = dispatchers[NAME]!
    dispatchers[NAME] = new Agent({ headersTimeout: 100, bodyTimeout: 100 }) as { constructor: Agent }
  }

  test.each([
    ['headers', 0],
    ['bytes', 1],
  ])('end no wait for %s', async (_, headersFirst) => {
    makeHasty()
    // undici looks at its timers about once a second.
    const pause = 2500
    const { baseURL } = await upstream(({ res }) => {
      if (headersFirst) res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
      setTimeout(() => {
        if (!res.headersSent) res.writeHead(200, { 'content-type': 'text/event-stream' })
        res.end('data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n')
      }, pause)
    })
    await expect(fetch(baseURL).then((response) => response.text())).rejects.toThrow(
      /fetch failed|terminated/,
    )
    const answer = openaiChat({ model: 'm', messages: [], apiKey: 'key', baseURL, maxRetries: 0 })
    expect(await collect(answer({ signal }))).toHaveLength(1)
  })

  test('are lifted by what Node has under a symbol', () => {
    expect(patience()).toBeDefined()
  })
})

describe('the body of an error', () => {
  test.each([
    ['nested', 'application/json', '{"error":{"message":"No.","code":7}}', { message: 'No.', code: 7 }],
    ['flat', 'application/json', '{"object":"error","message":"No."}', { object: 'error', message: 'No.' }],
    ['of a framework', 'application/json', '{"detail":"No."}', { detail: 'No.' }],
    ['a list', 'application/json', '[{"error":{"message":"No."}}]', { message: 'No.' }],
    ['as text', 'application/json', '{"error":"No."}', { error: 'No.' }],
    ['plain text', 'text/plain', 'no healthy upstream', { message: 'no healthy upstream' }],
    ['a page', 'text/html', '<h1>Bad gateway</h1>', undefined],
  ])('%s', async (_, type, text, error) => {
    const { baseURL } = await upstream(({ res }) =>
      res.writeHead(400, { 'content-type': type, 'x-request-id': 'req_1' }).end(text),
    )
    const response = await serviceFetch(baseURL, undefined)
    expect([response.status, response.headers.get('x-request-id')]).toEqual([400, 'req_1'])
    expect(await response.json()).toEqual(error === undefined ? {} : { error })
  })

  test('is read for so long and no longer', async () => {
    const { baseURL, requests } = await upstream(({ res }) => {
      res.writeHead(500, { 'content-type': 'text/plain' })
      const more = (): void =>
        void (res.write('x'.repeat(16 * 1024)) ? setImmediate(more) : res.once('drain', more))
      more()
    })
    const response = await serviceFetch(baseURL, undefined)
    expect(((await response.json()) as { error: { message: string } }).error.message).toHaveLength(64 * 1024)
    await requests[0]!.closed
  })
})

test('what a service says of an error in a shape of its own is understood', async () => {
  const { baseURL } = await upstream(({ res }) => {
    res.writeHead(400, { 'content-type': 'application/json', 'x-request-id': 'req_1' })
    res.end('{"object":"error","message":"This model\'s maximum context length is 10 tokens.","code":400}')
  })
  const answer = openaiChat({ model: 'm', messages: [], apiKey: 'key', baseURL, maxRetries: 0 })
  await expect(collect(answer({ signal }))).rejects.toMatchObject({
    code: 'context_too_long',
    detail: "HTTP 400, request req_1, This model's maximum context length is 10 tokens.",
  })
})
