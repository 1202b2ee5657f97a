/** A run that goes on in another process: the same response, from the exact record, paid for once. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Json } from '../../../src/protocol/json.ts'
import { answerText, openai } from '../../../src/openai.ts'
import type { OpenAIOptions, ResponseStreamEvent } from '../../../src/openai.ts'
import { RunMovedError } from '../../../src/providers/provider.ts'
import type { Script } from '../../support/mock-response.ts'
import { ResponsesMock, scripted } from '../../support/responses-mock.ts'

async function start(options: { keys?: boolean } = {}): Promise<ResponsesMock> {
  const mock = await ResponsesMock.start(options)
  onTestFinished(() => mock.close())
  return mock
}

/** What is kept of a run: its events, each in one step with the checkpoint before it. */
class Log {
  readonly events: ResponseStreamEvent[] = []
  checkpoint: Json | undefined

  get text() {
    return this.events.map((event) => answerText(event) ?? '').join('')
  }

  get numbers() {
    return this.events.map((event) => event.sequence_number)
  }
}

/** Works on the run until so many events are kept; then the process is gone, without a word. */
async function work(
  mock: ResponsesMock,
  log: Log,
  { until = Infinity, ...options }: Pick<OpenAIOptions, 'metadata' | 'queueTimeout'> & { until?: number },
): Promise<void> {
  const process = new AbortController()
  const provider = openai({
    model: 'm',
    input: 'prompt',
    apiKey: 'sk-1',
    baseURL: mock.baseURL,
    background: true,
    maxRetries: 0,
    ...options,
  })
  let checkpoint: Json | undefined
  const events = provider({
    signal: process.signal,
    runId: 'run',
    ...(log.checkpoint !== undefined && { resumeFrom: log.checkpoint }),
    checkpoint: (value) => (checkpoint = value),
  })[Symbol.asyncIterator]()
  try {
    for (;;) {
      if (log.events.length >= until) return
      const next = await events.next()
      if (next.done) return
      log.events.push(next.value)
      log.checkpoint = JSON.parse(JSON.stringify(checkpoint)) as Json
    }
  } finally {
    // Neither a cancel nor a farewell: what `kill -9` does to a connection.
    process.abort(new RunMovedError())
    await events.next().catch(() => undefined)
  }
}

describe('a takeover', () => {
  test('after every number of events goes on with the same response', async () => {
    const mock = await start()
    const script = scripted({ words: 4 })
    const whole = new Log()
    await work(mock, whole, script)
    for (let died = 1; died <= whole.events.length; died++) {
      const mock = await start()
      const log = new Log()
      await work(mock, log, { ...script, until: died })
      expect(log.events).toHaveLength(died)
      await work(mock, log, script)
      expect(log.numbers).toEqual(whole.numbers)
      expect(log.text).toBe(mock.responses[0]?.source)
      expect(mock.report).toMatchObject({ created: 1, creates: 1, cancelled: 0 })
    }
  })

  test('of a run that dies all the time, with connections that are cut', async () => {
    const mock = await start()
    const script = scripted({ words: 40, cut: 7 })
    const log = new Log()
    for (let died = 5; died < 45; died += 5) await work(mock, log, { ...script, until: died })
    await work(mock, log, script)
    expect(log.text).toBe(mock.responses[0]?.source)
    expect(log.numbers).toEqual([...log.events.keys()])
    expect(mock.report).toMatchObject({ created: 1, creates: 1 })
  })

  test('before anything was kept has the service answer under the same key', async () => {
    const mock = await start()
    const script = scripted({})
    await work(mock, new Log(), { ...script, until: 2 })
    const log = new Log()
    await work(mock, log, script)
    expect(log.text).toBe(mock.responses[0]?.source)
    expect(mock.report).toMatchObject({ created: 1, creates: 2 })
  })

  test('after the last event asks for nothing', async () => {
    const mock = await start()
    const script = scripted({ words: 1 })
    const log = new Log()
    await work(mock, log, script)
    const { length } = mock.requests
    await work(mock, log, script)
    expect(mock.requests).toHaveLength(length)
  })

  test('after an answer that failed fails, and asks for nothing', async () => {
    const mock = await start()
    const script = scripted({ fail: 'rate_limit_exceeded' })
    const log = new Log()
    await expect(work(mock, log, script)).rejects.toMatchObject({ code: 'rate_limited' })
    await expect(work(mock, log, script)).rejects.toMatchObject({ code: 'rate_limited' })
    expect(mock.requests).toHaveLength(1)
  })

  test('counts the time in the queue from the beginning', async () => {
    const mock = await start()
    const script: Script = { queued: 'forever' }
    const log = new Log()
    await work(mock, log, { ...scripted(script), until: 2 })
    const queuedAt = Date.now() - 60_000
    log.checkpoint = { ...(log.checkpoint as object), queuedAt }
    await expect(work(mock, log, { ...scripted(script), queueTimeout: 59 })).rejects.toMatchObject({
      code: 'queued_too_long',
    })
    expect(mock.report.cancelled).toBe(1)
  })

  test('of an answer that is gone fails', async () => {
    const mock = await start()
    const log = new Log()
    await work(mock, log, { ...scripted({ hold: 5 }), until: 5 })
    mock.expire()
    await expect(work(mock, log, scripted({}))).rejects.toMatchObject({ code: 'expired' })
    expect(mock.report.created).toBe(1)
  })
})

test('a checkpoint is small, and says what it is', async () => {
  const mock = await start()
  const log = new Log()
  await work(mock, log, { ...scripted({}), until: 2 })
  const { id } = mock.responses[0]!
  expect(log.checkpoint).toEqual({ response: id, after: 1, queuedAt: expect.any(Number) as number })
  await work(mock, log, { ...scripted({}), until: 6 })
  expect(log.checkpoint).toEqual({ response: id, after: 5 })
  await work(mock, log, scripted({}))
  expect(log.checkpoint).toEqual({ response: id, after: log.events.length - 1, ended: 'whole' })
})

describe('what cannot be continued is not begun anew', () => {
  const signal = new AbortController().signal
  const options = { model: 'm', input: 'prompt', apiKey: 'sk-1', baseURL: 'http://127.0.0.1:9/v1' }

  test.each([
    null,
    7,
    'resp_1',
    {},
    { response: 'resp_1' },
    { response: '', after: 1 },
    { response: 'r', after: -1 },
  ])('the checkpoint %j of another provider', async (resumeFrom) => {
    const events = openai({ ...options, background: true })({ signal, resumeFrom })[Symbol.asyncIterator]()
    await expect(events.next()).rejects.toThrow(TypeError)
  })

  test('a response in the foreground', async () => {
    const events = openai(options)({ signal, resumeFrom: { response: 'r', after: 1 } })[
      Symbol.asyncIterator
    ]()
    await expect(events.next()).rejects.toMatchObject({ code: 'cut' })
  })
})
