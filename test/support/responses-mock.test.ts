/** The mock through the SDK that Millrace uses: what it answers must be what the SDK understands. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { OpenAI } from 'openai'
import { describe, expect, onTestFinished, test } from 'vitest'
import { collect } from './collect.ts'
import type { Script } from './mock-response.ts'
import { ResponsesMock, scripted } from './responses-mock.ts'
import type { MockOptions, MockReport } from './responses-mock.ts'

type Event = OpenAI.Responses.ResponseStreamEvent

async function start(options: MockOptions = {}) {
  const mock = await ResponsesMock.start(options)
  onTestFinished(() => mock.close())
  return { mock, client: clientOf(mock.baseURL) }
}

function clientOf(baseURL: string) {
  return new OpenAI({ apiKey: 'sk-1', baseURL, maxRetries: 0, logLevel: 'off' })
}

function create(client: OpenAI, script: Script, options: { background?: boolean; key?: string } = {}) {
  const { background = true, key } = options
  return client.responses.create(
    { model: 'm', input: 'prompt', stream: true, background, ...scripted(script) },
    { headers: key === undefined ? {} : { 'Idempotency-Key': key } },
  )
}

function join(client: OpenAI, id: string, after: number) {
  return client.responses.retrieve(id, { stream: true, starting_after: after })
}

function numbers(events: readonly Event[]) {
  return events.map((event) => event.sequence_number)
}

function textOf(events: readonly Event[]) {
  return events.map((event) => (event.type === 'response.output_text.delta' ? event.delta : '')).join('')
}

/** What came before the connection broke, if it did. */
async function taken(events: AsyncIterable<Event>): Promise<Event[]> {
  const taken: Event[] = []
  try {
    for await (const event of events) taken.push(event)
  } catch (error) {
    expect(error).toBeInstanceOf(Error)
  }
  return taken
}

describe('a response', () => {
  test('in the background goes through the queue and says its text, numbered from 0', async () => {
    const { mock, client } = await start()
    const events = await collect(await create(client, { words: 3 }))
    expect(numbers(events)).toEqual([...events.keys()])
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.queued',
      'response.in_progress',
      ...Array<string>(3).fill('response.output_text.delta'),
      'response.output_text.done',
      'response.completed',
    ])
    expect(textOf(events)).toBe('0.0 0.1 0.2 ')
    expect(mock.report).toMatchObject({ created: 1, creates: 1, joins: 0, cancelled: 0 })
  })

  test('in the foreground dies with its connection, and cannot be joined', async () => {
    const { mock, client } = await start()
    const stream = await create(client, { hold: 4 }, { background: false })
    for await (const event of stream) if (event.type === 'response.output_text.delta') break
    const response = await mock.response(0)
    await response.grown(4)
    expect(response.status).toBe('cancelled')
    await expect(join(client, response.id, 0)).rejects.toMatchObject({ status: 404 })
    await expect(client.responses.cancel(response.id)).rejects.toMatchObject({ status: 400 })
  })

  test('can be had whole', async () => {
    const { mock, client } = await start()
    await collect(await create(client, { words: 2 }))
    const { id } = await mock.response(0)
    expect(await client.responses.retrieve(id)).toMatchObject({
      status: 'completed',
      output_text: '0.0 0.1 ',
    })
  })

  test.each([
    [{ fail: 'server_error' }, { status: 'failed', error: { code: 'server_error' } }],
    [
      { incomplete: 'content_filter' },
      { status: 'incomplete', incomplete_details: { reason: 'content_filter' } },
    ],
  ])('ends as its script says: %j', async (script, response) => {
    const { client } = await start()
    const events = await collect(await create(client, script))
    expect(events.at(-1)).toMatchObject({ response })
  })
})

describe('joining again', () => {
  test('goes on behind a number, as often as one likes', async () => {
    const { mock, client } = await start({ script: { words: 5 } })
    const all = await collect(await create(client, { words: 5 }))
    const { id } = await mock.response(0)
    for (const after of [0, 4, all.length - 2]) {
      expect(await collect(await join(client, id, after))).toEqual(all.slice(after + 1))
    }
    expect(mock.report).toMatchObject({ created: 1, joins: 3 })
  })

  test('sees what is still being said', async () => {
    const { mock, client } = await start()
    const first = await taken(await create(client, { words: 4, hold: 5, cut: [3] }))
    expect(numbers(first)).toEqual([0, 1, 2])
    const { id } = await mock.response(0)
    const rest = collect(await join(client, id, 2))
    mock.release()
    expect(textOf(await rest)).toBe('0.0 0.1 0.2 0.3 ')
  })

  test('is over when the response is forgotten, by a test or by time', async () => {
    const { mock, client } = await start()
    await collect(await create(client, {}))
    const { id } = await mock.response(0)
    mock.expire()
    await expect(join(client, id, 0)).rejects.toMatchObject({ status: 404 })

    const short = await start({ keep: 0 })
    await collect(await create(short.client, {}))
    await expect(join(short.client, (await short.mock.response(0)).id, 0)).rejects.toMatchObject({
      status: 404,
    })
  })
})

describe('trouble', () => {
  test('each connection is cut where its script says', async () => {
    const { mock, client } = await start()
    expect(await taken(await create(client, { cut: [4, 2] }))).toHaveLength(4)
    const { id } = await mock.response(0)
    expect(numbers(await taken(await join(client, id, 3)))).toEqual([4, 5])
    expect((await collect(await join(client, id, 5))).at(-1)).toMatchObject({ type: 'response.completed' })
  })

  test('events are lost, missing, doubled, without a number', async () => {
    const { mock, client } = await start()
    expect(numbers(await collect(await create(client, { words: 1, lose: [3], never: [1] })))).toEqual([
      0, 2, 4, 5,
    ])
    const { id } = await mock.response(0)
    expect(numbers(await collect(await join(client, id, 0)))).toEqual([2, 3, 4, 5])
    expect(numbers(await collect(await create(client, { words: 0, twice: true })))).toEqual([
      0, 0, 1, 1, 2, 2, 3, 3, 4, 4,
    ])
    expect(numbers(await collect(await create(client, { words: 0, unnumbered: true })))).toEqual(
      Array<undefined>(5).fill(undefined),
    )
  })

  test('requests are refused, and hung up on', async () => {
    const { mock, client } = await start()
    mock.refuse(503, 0)
    await expect(create(client, {})).rejects.toMatchObject({ status: 503 })
    await expect(create(client, {})).rejects.toThrow('Connection error.')
    expect(await collect(await create(client, {}))).not.toHaveLength(0)
    expect(mock.report.created).toBe(1)
  })

  test('stuck in the queue, until it is cancelled; twice is once', async () => {
    const { mock, client } = await start()
    const events = collect(await create(client, { queued: 'forever' }))
    const response = await mock.response(0)
    await response.grown(1)
    expect(response.status).toBe('queued')
    expect(await client.responses.cancel(response.id)).toMatchObject({ status: 'cancelled' })
    expect(await client.responses.cancel(response.id)).toMatchObject({ status: 'cancelled' })
    expect((await events).map(({ type }) => type as string)).toEqual([
      'response.created',
      'response.queued',
      'response.cancelled',
    ])
    expect(mock.report).toMatchObject({ cancelled: 1, responses: [{ cancels: 2 }] })
  })
})

describe('an idempotency key', () => {
  test('means one response, told from its beginning', async () => {
    const { mock, client } = await start()
    const first = await taken(await create(client, { cut: [3] }, { key: 'a' }))
    const again = await collect(await create(client, {}, { key: 'a' }))
    expect(again.slice(0, 3)).toEqual(first)
    expect(mock.report).toMatchObject({ created: 1, creates: 2 })
    await collect(await create(client, {}, { key: 'b' }))
    expect(mock.report.created).toBe(2)
  })

  test('means nothing to a mock that does not know them', async () => {
    const { mock, client } = await start({ keys: false })
    await collect(await create(client, {}, { key: 'a' }))
    await collect(await create(client, {}, { key: 'a' }))
    expect(mock.report.created).toBe(2)
  })
})

test('lives in a process of its own, and tells by HTTP what became of its responses', async () => {
  const mock = spawn(
    process.execPath,
    ['test/support/responses-mock.ts', '--port', '0', '--script', '{"words":2,"hold":4}'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const exited = once(mock, 'exit')
  try {
    const [baseURL] = (await once(createInterface(mock.stdout), 'line')) as [string]
    const admin = async (verb: string, method = 'POST') =>
      (await (await fetch(new URL(`/admin/${verb}`, baseURL), { method })).json()) as MockReport
    const client = clientOf(baseURL)
    const stream = await client.responses.create({
      model: 'm',
      input: 'prompt',
      stream: true,
      background: true,
    })
    const events = stream[Symbol.asyncIterator]()
    for (let i = 0; i < 4; i++) await events.next()
    const { responses } = await admin('cut')
    await expect(events.next()).rejects.toThrow(Error)
    await admin('release')
    expect(textOf(await collect(await join(client, responses[0]!.id, 3)))).toBe('0.1 ')
    expect(await admin('responses', 'GET')).toMatchObject({
      created: 1,
      joins: 1,
      responses: [{ status: 'completed', text: '0.0 0.1 ', source: '0.0 0.1 ', connections: 2 }],
    })
    await admin('expire')
    await expect(join(client, responses[0]!.id, 0)).rejects.toMatchObject({ status: 404 })
  } finally {
    mock.kill()
    await exited
  }
})
