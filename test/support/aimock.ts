/**
 * A mock of the OpenAI API made by others (`@copilotkit/aimock`), in this process and on a free
 * port, with prompts that are answered in known ways, and a record of when each request ended.
 */
import { createServer, isChatCompletionBody } from '@copilotkit/aimock'
import type { Fixture, Journal } from '@copilotkit/aimock'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** What the mock answers to `PROMPTS.answer` and, slowly, to `PROMPTS.slow`. */
export const ANSWER =
  'A millrace is the channel that brings water to a mill wheel. It is fed from a stream above a weir, ' +
  'runs level along the bank, and drops its water on the wheel at the mill. A gate at its head lets the ' +
  'miller start and stop the wheel. Below the mill the tailrace takes the water back to the stream. ' +
  'Not a drop of it is lost on the way.'

/** Prompts the mock knows. A message that contains one is answered as said here, any other with 404. */
export const PROMPTS = {
  /** `ANSWER`, at once, in pieces of 20 characters. */
  answer: 'What is a millrace?',
  /** `ANSWER`, 25 pieces of 4 characters a second: about four seconds, time to press Stop. */
  slow: 'Explain a millrace slowly.',
  /** The first pieces of `ANSWER`, then the connection is destroyed. */
  cut: 'Break off in the middle.',
  /** `ANSWER` of a model that ran into its greatest length. */
  incomplete: 'Run into the limit.',
  /** The first attempt fails with 500, the next is answered as `answer` is. */
  flaky: 'Fail once, then answer.',
  /** HTTP 401, whose message quotes part of a key, as OpenAI's does. */
  key: 'Refuse the key.',
  /** HTTP 429 of a rate limit; asks to try again at once. */
  rate: 'Too many requests.',
  /** HTTP 429 of an account without credit. */
  quota: 'No credit left.',
  /** HTTP 400 of a context that is too long. */
  long: 'Far too long.',
  /** HTTP 404 of a model that does not exist. */
  model: 'No such model.',
  /** HTTP 500. */
  server: 'Fail inside.',
} as const

/** Part of a key, as `PROMPTS.key` is answered with: it must be seen nowhere. */
export const ECHOED_KEY = 'sk-test-1234********WXYZ'

/** One request that the mock received. */
export interface AimockRequest {
  readonly method: string
  /** Below `/v1`, such as `/responses`. */
  readonly path: string
  /** The last user message, once the mock has read the request's body. */
  readonly prompt: string | undefined
  /** `performance.now()` when its headers had arrived. */
  readonly startedAt: number
  /** Resolves when its connection is done with it. */
  readonly ended: Promise<AimockEnd>
}

export interface AimockEnd {
  /** `performance.now()` of the end. */
  readonly at: number
  /** Whether the whole answer was sent; false when the client hung up first. */
  readonly complete: boolean
}

export interface Aimock {
  /** For `OPENAI_BASE_URL`; ends in `/v1`. */
  readonly baseURL: string
  /** Every request so far, oldest first. */
  readonly requests: readonly AimockRequest[]
  /** The request of that index, once it has arrived. */
  request(index: number): Promise<AimockRequest>
  close(): Promise<void>
}

/** Starts a mock of its own for each caller: tests that run side by side see only their own requests. */
export async function startAimock(): Promise<Aimock> {
  const { server, journal, url } = await createServer(fixtures(), { host: '127.0.0.1', port: 0 })
  const requests = new RequestLog(journal)
  // Seen before the mock sees them, because its journal knows nothing of clients that hang up.
  server.prependListener('request', (req, res) => requests.add(req, res))
  return {
    baseURL: `${url}/v1`,
    requests: requests.all,
    request: (index) => requests.at(index),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

class RequestLog {
  readonly all: AimockRequest[] = []
  readonly #journal: Journal
  readonly #waiting: { index: number; resolve: (request: AimockRequest) => void }[] = []

  constructor(journal: Journal) {
    this.#journal = journal
  }

  add(req: IncomingMessage, res: ServerResponse): void {
    const startedAt = performance.now()
    const promptOf = (): string | undefined => this.#promptOf(req)
    this.all.push({
      method: req.method ?? '',
      path: (req.url ?? '').replace(/^\/v1/, ''),
      startedAt,
      ended: new Promise((resolve) => {
        res.once('close', () => resolve({ at: performance.now(), complete: res.writableFinished }))
      }),
      get prompt() {
        return promptOf()
      },
    })
    for (const { index, resolve } of this.#waiting) {
      const request = this.all[index]
      if (request) resolve(request)
    }
  }

  at(index: number): Promise<AimockRequest> {
    const request = this.all[index]
    return request
      ? Promise.resolve(request)
      : new Promise((resolve) => this.#waiting.push({ index, resolve }))
  }

  #promptOf(req: IncomingMessage): string | undefined {
    // The mock gives each request an id, in its headers, by which its journal can be searched.
    const id = req.headers['x-request-id']
    const body = this.#journal.getAll().find(({ headers }) => headers['x-request-id'] === id)?.body ?? null
    if (!isChatCompletionBody(body)) return undefined
    const content = body.messages.findLast(({ role }) => role === 'user')?.content
    return typeof content === 'string' ? content : undefined
  }
}

function fixtures(): Fixture[] {
  return [
    { match: { userMessage: PROMPTS.answer }, response: { content: ANSWER } },
    {
      match: { userMessage: PROMPTS.slow },
      response: { content: ANSWER },
      chunkSize: 4,
      streamingProfile: { ttft: 50, tps: 25 },
    },
    {
      match: { userMessage: PROMPTS.cut },
      response: { content: ANSWER },
      truncateAfterChunks: 8,
      latency: 5,
    },
    { match: { userMessage: PROMPTS.incomplete }, response: { content: ANSWER, finishReason: 'length' } },
    { match: { userMessage: PROMPTS.flaky, sequenceIndex: 0 }, response: failure(500, 'server_error') },
    { match: { userMessage: PROMPTS.flaky, sequenceIndex: 1 }, response: { content: ANSWER } },
    {
      match: { userMessage: PROMPTS.key },
      response: failure(401, 'invalid_api_key', `Incorrect API key provided: ${ECHOED_KEY}.`),
    },
    {
      match: { userMessage: PROMPTS.rate },
      response: { ...failure(429, 'rate_limit_exceeded'), retryAfter: 0 },
    },
    {
      match: { userMessage: PROMPTS.quota },
      response: { ...failure(429, 'insufficient_quota'), retryAfter: 0 },
    },
    { match: { userMessage: PROMPTS.long }, response: failure(400, 'context_length_exceeded') },
    { match: { userMessage: PROMPTS.model }, response: failure(404, 'model_not_found') },
    { match: { userMessage: PROMPTS.server }, response: failure(500, 'server_error') },
  ]
}

function failure(status: number, code: string, message: string = 'An error of the mock.') {
  return { status, error: { message, code, type: 'invalid_request_error' } }
}
