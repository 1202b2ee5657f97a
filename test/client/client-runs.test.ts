/** `client.runs`: made of names that only the types know. */
import { inspect } from 'node:util'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type AppClient, connect } from '../../src/client/index.ts'
import { FakeEndpoint, FakeNetwork, at } from './fakes.ts'

interface App {
  readonly '~runs'?: {
    readonly answer: { readonly '~types'?: { readonly input: { prompt: string }; readonly record: string } }
    readonly then: { readonly '~types'?: { readonly input: undefined; readonly record: number } }
  }
}

let network: FakeNetwork
let client: AppClient<App>

beforeEach(() => {
  vi.useFakeTimers()
  network = new FakeNetwork()
  client = connect<App>('ws://server/', { webSocket: network.connect, http: false })
})

afterEach(() => {
  client.close()
  vi.useRealTimers()
})

it('a run is started by its name, and its records are read', async () => {
  const starting = client.runs.answer.start({ prompt: 'Hello' }, { chat: 'c', id: 'r' })
  expect(network.socket.url).toBe('ws://server/millrace/socket')
  expect(network.socket.open().taken()).toEqual([
    { type: 'start', req: '1', id: 'r', kind: 'answer', input: { prompt: 'Hello' }, chat: 'c' },
  ])
  network.socket.frame({ type: 'started', req: '1', stream: 'r' })
  const reply = await starting
  network.socket.frame(
    { type: 'subscribed', stream: 'r', offset: at(0) },
    { type: 'records', stream: 'r', from: at(0), offset: at(2), records: ['Good ', 'day'] },
    { type: 'end', stream: 'r', offset: at(2), end: { status: 'completed' } },
  )
  const pieces: string[] = []
  for await (const piece of reply) pieces.push(piece)
  expect(pieces).toEqual(['Good ', 'day'])
})

it('a run is read by its id alone, too', () => {
  const stream = client.runs.answer.stream('r', { offset: at(3) })
  expect(stream.id).toBe('r')
  expect(network.socket.open().taken()).toEqual([{ type: 'subscribe', stream: 'r', offset: at(3) }])
})

it('the same run is the same object, so that effects do not run again', () => {
  const { answer } = client.runs
  expect(client.runs.answer).toBe(answer)
  expect([answer.client, answer.kind]).toEqual([client, 'answer'])
})

it('`await client.runs` does not hang, even where a run is called `then`', async () => {
  expect(await Promise.resolve(client.runs)).toBe(client.runs)
  const starting = client.runs.then.start()
  const [frame] = network.socket.open().taken()
  expect(frame).toMatchObject({ type: 'start', kind: 'then', input: null })
  network.socket.frame({ type: 'started', req: '1', stream: 'r' })
  expect((await starting).id).toBe('r')
})

it('whoever prints or copies the runs finds none, and starts none', () => {
  expect(client.runs.answer.kind).toBe('answer')
  expect(inspect(client.runs)).toBe('{}')
  expect(JSON.stringify(client.runs)).toBe('{}')
  expect({ ...client.runs }).toEqual({})
  expect(network.sockets).toEqual([])
})

it('an input that does not fit is an error that says what is wrong, and where', async () => {
  const starting = client.runs.answer.start({ prompt: '' })
  network.socket.open()
  network.socket.frame({
    type: 'error',
    req: '1',
    code: 'invalid_input',
    message: 'The input is not valid for this kind of run.',
    issues: [{ path: ['prompt'], message: 'Too short' }],
  })
  await expect(starting).rejects.toMatchObject({
    name: 'StreamError',
    code: 'invalid_input',
    issues: [{ path: ['prompt'], message: 'Too short' }],
  })
})

it('an error of any other code has no issues', async () => {
  const starting = client.runs.answer.start({ prompt: 'x' })
  network.socket.open()
  network.socket.frame({ type: 'error', req: '1', code: 'unknown_kind', message: 'There is no such kind.' })
  await expect(starting).rejects.toMatchObject({ code: 'unknown_kind', issues: [] })
})

it('a start over HTTP names its run, and says what is wrong with its input', async () => {
  const endpoint = new FakeEndpoint()
  const one = connect<App>('ws://server', { webSocket: network.connect, fetch: endpoint.fetch })
  // Too large for a WebSocket.
  const prompt = 'x'.repeat(1024 * 1024)
  const starting = one.runs.answer.start({ prompt }, { id: 'r' })
  await vi.advanceTimersByTimeAsync(0)
  const { url, init } = endpoint.request
  expect(url.href).toBe('http://server/millrace/streams')
  expect(JSON.parse(init.body as string)).toEqual({ id: 'r', kind: 'answer', input: { prompt } })
  const issues = [{ path: ['prompt'], message: 'Too long' }]
  endpoint.request.answer(
    Response.json({ error: { code: 'invalid_input', message: 'It does not fit.', issues } }, { status: 400 }),
  )
  await expect(starting).rejects.toMatchObject({ code: 'invalid_input', issues })
  one.close()
})
