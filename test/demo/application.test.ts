/** The seed's durable runs over the network, with the project's own client. */
import { afterEach, expect, test } from 'vitest'
import { type StreamClient, connect } from '../../src/client/index.ts'
import { createDemoApplication } from '../../src/demo/application.ts'
import type { RunningServer } from '../../src/server/listening/listener.ts'
import { type CollectingLogger, collectingLogger } from '../support/logger.ts'
import { WebSocketClient } from '../support/websocket-client.ts'
import { collect } from '../support/collect.ts'
import { delta, stream, upstream } from '../support/upstream.ts'

const ends: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const end of ends.splice(0)) await end()
})

async function serve(baseURL: string): Promise<{ server: RunningServer; logger: CollectingLogger }> {
  const logger = collectingLogger()
  const environment = { OPENAI_API_KEY: 'sk-1', OPENAI_BASE_URL: baseURL, OPENAI_MODEL: 'm' }
  const application = createDemoApplication({ logger, environment })
  const server = await application.listen({ port: 0 })
  ends.push(() => application.close())
  return { server, logger }
}

function clientOf(server: RunningServer): StreamClient {
  const client = connect(server.url)
  ends.unshift(() => client.close())
  return client
}

test('a prompt is answered into a log that every reader has whole', async () => {
  const { baseURL } = await upstream(({ res }) => {
    stream(res, delta('Be'), delta('cause'), { type: 'response.completed' })
    res.end()
  })
  const { server } = await serve(baseURL)
  const pieces = ['Be', 'cause']
  const answer = await clientOf(server).start({ prompt: 'Why?' }, { kind: 'answer', id: 'answer' })
  expect(await collect(answer)).toEqual(pieces)
  expect(answer.status).toBe('completed')
  expect(await collect(clientOf(server).stream('answer'))).toEqual(pieces)
  const read = await fetch(`${server.url}/millrace/streams/answer`)
  expect(read.headers.get('stream-closed')).toBe('true')
  expect(await read.json()).toEqual(pieces)
  expect(read.headers.get('stream-end')).toBe('{"status":"completed"}')
})

test('a failure of the service ends the run with its sentence', async () => {
  const { baseURL } = await upstream(({ res }) => {
    res.writeHead(401, { 'content-type': 'application/json' })
    res.end('{"error":{"message":"Incorrect API key provided: sk-1.","code":"invalid_api_key"}}')
  })
  const { server, logger } = await serve(baseURL)
  const answer = await clientOf(server).start({ prompt: 'Why?' }, { kind: 'answer' })
  await expect(collect(answer)).rejects.toMatchObject({
    code: 'failed',
    reason: 'key_refused',
    message: expect.stringContaining("refused this server's key") as string,
  })
  expect(JSON.stringify(logger.entries)).not.toContain('sk-1')
})

test('a prompt that is none is refused with a sentence', async () => {
  const { server } = await serve('http://127.0.0.1:9/v1')
  await expect(clientOf(server).start({ prompt: 7 }, { kind: 'answer' })).rejects.toMatchObject({
    code: 'invalid_input',
    issues: [{ path: ['prompt'], message: 'The prompt must be a text that is not empty.' }],
  })
})

test('a reader that leaves ends nothing upstream, and a stop from another socket does, within 200 ms', async () => {
  const service = await upstream(({ res }) => stream(res, delta('Be')))
  const { server } = await serve(service.baseURL)
  const first = clientOf(server)
  const answer = await first.start({ prompt: 'Why?' }, { kind: 'answer' })
  for await (const piece of answer) {
    expect(piece).toBe('Be')
    break
  }
  first.close()
  const second = clientOf(server)
  const again = second.stream(answer.id)
  const pieces = again[Symbol.asyncIterator]()
  expect(await pieces.next()).toEqual({ done: false, value: 'Be' })
  const request = service.requests[0]!
  expect(request.res.destroyed).toBe(false)
  const asked = performance.now()
  // Counted from the call's departure, so the way to the server is counted, too.
  const [status, closedAt] = await Promise.all([again.stop(), request.closed])
  expect(status).toBe('stopped')
  expect(closedAt - asked).toBeLessThan(200)
  expect(await pieces.next()).toEqual({ done: true, value: undefined })
  expect(again.status).toBe('stopped')
})

test('a stranger has as many answers under way as one may, by whichever way they were asked for', async () => {
  const service = await upstream(({ res }) => stream(res, delta('Be')))
  const environment = { OPENAI_API_KEY: 'sk-1', OPENAI_BASE_URL: service.baseURL, OPENAI_MODEL: 'm' }
  const application = createDemoApplication({ logger: collectingLogger(), environment })
  application.options.streams?.limit({ runsPerAddress: 3, runsPerProcess: 5 })
  const server = await application.listen({ port: 0, trustProxy: true })
  ends.push(() => application.close())
  const ask = async (address: string): Promise<unknown[]> => {
    const headers = { 'x-forwarded-for': address }
    const client = await WebSocketClient.connect(`${server.url.replace('http', 'ws')}/ws/openai/`, {
      headers,
    })
    ends.unshift(() => client.close())
    client.socket.send('{"message":"start","id":"a","prompt":"Why?"}')
    return [await client.receiveJson(), await client.receiveJson()]
  }
  const start = (address: string): Promise<Response> =>
    fetch(`${server.url}/millrace/streams`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
      body: '{"kind":"answer","input":{"prompt":"Why?"}}',
    })
  const answered = [
    { id: 'a', status: 'running' },
    { id: 'a', delta: 'Be' },
  ]
  expect(await ask('203.0.113.7')).toEqual(answered)
  expect(await ask('203.0.113.7')).toEqual(answered)
  expect((await start('203.0.113.7')).status).toBe(201)
  expect((await start('203.0.113.7')).status).toBe(429)
  expect(await ask('203.0.113.7')).toEqual([
    { id: 'a', status: 'running' },
    { id: 'a', status: 'failed', reason: expect.stringMatching(/Too many runs/) as string },
  ])
  // Others go on, until the process has as many as it may.
  expect(await ask('203.0.113.8')).toEqual(answered)
  expect((await start('203.0.113.9')).status).toBe(201)
  expect((await start('203.0.113.10')).status).toBe(429)
  expect(await ask('203.0.113.10')).toMatchObject([{}, { status: 'failed' }])
  await expect.poll(() => service.requests).toHaveLength(5)
})

test('what is not there is answered with JSON, as every other error', async () => {
  const { server } = await serve('http://127.0.0.1:9')
  const response = await fetch(`${server.url}/nothing/here`)
  expect([response.status, await response.json()]).toEqual([
    404,
    { error: { code: 'route_not_found', message: 'Nothing is served at /nothing/here' } },
  ])
})

test('the Durable Streams protocol is for this machine, until strangers are let in', async () => {
  for (const [allowAnonymous, status] of [
    [false, 403],
    [true, 201],
  ] as const) {
    const [logger, writeLimits] = [collectingLogger(), { creationsPerAddress: 1 }]
    const options = { logger, environment: {}, durableStreams: true, allowAnonymous, writeLimits }
    const application = createDemoApplication(options)
    const { url } = await application.listen({ port: 0, trustProxy: true })
    ends.push(() => application.close())
    const put = (address: string): Promise<Response> =>
      fetch(`${url}/v1/stream/${address}`, { method: 'PUT', headers: { 'x-forwarded-for': address } })
    expect([(await put('127.0.0.1')).status, (await put('203.0.113.7')).status]).toEqual([201, status])
    if (allowAnonymous) expect((await put('203.0.113.7')).status).toBe(429)
  }
})
