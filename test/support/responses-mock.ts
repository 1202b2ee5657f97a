/**
 * A mock of OpenAI's Responses API with what others' mocks lack: sequence numbers, responses in the
 * background with a log each, joining them again, cancelling, expiry, the queue, cut connections and
 * idempotency keys. In a test's own process, or one that outlives the server under test:
 *
 *     node test/support/responses-mock.ts --port 0 --script '{"words":200,"delay":0.01}'
 *
 * which prints its base URL as its first line. `GET /admin/responses` tells what became of each
 * response (`MockReport`); `POST /admin/cut` destroys every open connection, `POST /admin/release`
 * lets held responses go on, `POST /admin/expire` forgets every response.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { parseArgs } from 'node:util'
import { MockResponse } from './mock-response.ts'
import type { MockEvent, MockStatus, Script } from './mock-response.ts'

export interface MockOptions {
  readonly port?: number
  /** How responses behave whose request does not say. */
  readonly script?: Script
  /** Seconds for which a response is kept. 600 by default, as at OpenAI. */
  readonly keep?: number
  /** Whether the same `Idempotency-Key` means the same response. True by default. */
  readonly keys?: boolean
}

export interface MockReport {
  /** Responses that were made: what would have been paid for. */
  readonly created: number
  /** Responses whose status is `cancelled`. */
  readonly cancelled: number
  /** Requests to make one, those with a known idempotency key included. */
  readonly creates: number
  readonly joins: number
  readonly responses: readonly {
    readonly id: string
    readonly status: MockStatus
    readonly background: boolean
    /** What it has said, and what it was to say. */
    readonly text: string
    readonly source: string
    readonly connections: number
    readonly cancels: number
  }[]
}

/** What a request asks of the mock: spread it into the options of `openai()`. */
export function scripted(script: Script): { metadata: Record<string, string> } {
  return { metadata: { mock: JSON.stringify(script) } }
}

export class ResponsesMock {
  /** Every response, oldest first, those that were forgotten included. */
  readonly responses: MockResponse[] = []
  /** `METHOD path?query` of every request, oldest first. */
  readonly requests: string[] = []
  creates = 0
  joins = 0
  readonly #options: MockOptions
  readonly #server = createServer((req, res) => void this.#serve(req, res))
  readonly #kept = new Map<string, MockResponse>()
  readonly #byKey = new Map<string, MockResponse>()
  readonly #waiting = new Set<() => void>()
  readonly #refusals: number[] = []

  constructor(options: MockOptions = {}) {
    this.#options = options
  }

  static async start(options: MockOptions = {}): Promise<ResponsesMock> {
    const mock = new ResponsesMock(options)
    await new Promise<void>((resolve) => mock.#server.listen(options.port ?? 0, '127.0.0.1', resolve))
    return mock
  }

  /** For `OPENAI_BASE_URL`; ends in `/v1`. */
  get baseURL(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`
  }

  get report(): MockReport {
    const { creates, joins, responses } = this
    return {
      created: responses.length,
      cancelled: responses.filter(({ status }) => status === 'cancelled').length,
      creates,
      joins,
      responses: responses.map(({ id, status, background, text, source, connections, cancels }) => {
        return { id, status, background, text, source, connections, cancels }
      }),
    }
  }

  /** The response of that index, once it was made. */
  async response(index: number): Promise<MockResponse> {
    for (;;) {
      const response = this.responses[index]
      if (response) return response
      await this.#change()
    }
  }

  /** Resolves once so many requests have come. */
  async request(count: number): Promise<void> {
    while (this.requests.length < count) await this.#change()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake)
        resolve()
      }
      this.#waiting.add(wake)
    })
  }

  /** Answers the next requests with these statuses; 0 hangs up. */
  refuse(...statuses: number[]): void {
    this.#refusals.push(...statuses)
  }

  /** Destroys every open connection. */
  cut(): void {
    this.#server.closeAllConnections()
  }

  /** Lets held responses go on. */
  release(): void {
    for (const response of this.responses) response.release()
  }

  /** Forgets every response. */
  expire(): void {
    this.#kept.clear()
  }

  async close(): Promise<void> {
    for (const response of this.responses) if (!response.final) response.cancel()
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(req.url ?? '', 'http://mock')
    const [root, resource, id, verb] = pathname.slice(1).split('/')
    const body = await text(req).catch(() => undefined)
    if (body === undefined) return
    if (root === 'admin') return this.#administer(req.method, resource, res)
    this.requests.push(`${req.method} ${req.url}`)
    for (const wake of this.#waiting) wake()
    const refusal = this.#refusals.shift()
    if (refusal === 0) return void res.destroy()
    if (refusal !== undefined) return refuse(res, refusal, 'Refused, as the test wants it.')
    if (root !== 'v1' || resource !== 'responses') return refuse(res, 404, 'No such path.')
    if (req.method === 'POST' && id === undefined) return this.#create(req, res, body)
    const response = this.#find(id ?? '')
    if (!response) return refuse(res, 404, `Response with id '${id}' not found.`)
    if (req.method === 'GET' && verb === undefined) return this.#retrieve(response, searchParams, res)
    if (req.method === 'POST' && verb === 'cancel') return this.#cancel(response, res)
    return refuse(res, 405, 'No such method.')
  }

  #find(id: string): MockResponse | undefined {
    const response = this.#kept.get(id)
    const { keep = 600 } = this.#options
    return response && Date.now() - response.createdAt < keep * 1000 ? response : undefined
  }

  #create(req: IncomingMessage, res: ServerResponse, body: string): Promise<void> | void {
    this.creates++
    const request = JSON.parse(body) as { stream?: boolean; metadata?: { mock?: string } }
    if (request.stream !== true) return refuse(res, 400, 'This mock streams.')
    const key =
      this.#options.keys === false ? undefined : (req.headers['idempotency-key'] as string | undefined)
    const known = key === undefined ? undefined : this.#byKey.get(key)
    const response = known ?? this.#make(request, key)
    return this.#stream(response, -1, res)
  }

  #make(request: { metadata?: { mock?: string } }, key: string | undefined): MockResponse {
    const script = request.metadata?.mock
    const response = new MockResponse(
      this.responses.length,
      { ...request },
      script === undefined ? (this.#options.script ?? {}) : (JSON.parse(script) as Script),
      key,
    )
    this.responses.push(response)
    this.#kept.set(response.id, response)
    if (key !== undefined) this.#byKey.set(key, response)
    for (const wake of this.#waiting) wake()
    return response
  }

  #retrieve(response: MockResponse, query: URLSearchParams, res: ServerResponse): Promise<void> | void {
    if (!response.background) return refuse(res, 404, `Response with id '${response.id}' not found.`)
    if (query.get('stream') !== 'true') return answer(res, response)
    this.joins++
    const after = Number(query.get('starting_after') ?? -1)
    if (!Number.isSafeInteger(after)) return refuse(res, 400, 'starting_after is no number.')
    return this.#stream(response, after, res)
  }

  #cancel(response: MockResponse, res: ServerResponse): void {
    if (!response.background) return refuse(res, 400, 'Only a response in the background can be cancelled.')
    response.cancel()
    answer(res, response)
  }

  async #stream(response: MockResponse, after: number, res: ServerResponse): Promise<void> {
    const { script } = response
    const connection = response.connections++
    response.open++
    const closed = new AbortController()
    res.once('close', () => {
      closed.abort()
      response.open--
      if (!response.background && !response.final) response.cancel()
    })
    const cut = typeof script.cut === 'number' ? script.cut : script.cut?.[connection]
    const hidden = [...(script.never ?? []), ...(connection === 0 ? (script.lose ?? []) : [])]
    if (script.hold !== 0) begin(res)
    let sent = 0
    for (let index = 0; ; index++) {
      await response.grown(index, closed.signal)
      if (closed.signal.aborted) return
      const event = response.log[index] as MockEvent
      const number = event.sequence_number ?? index
      if (number > after && !hidden.includes(number)) {
        begin(res)
        if (script.twice) await write(res, event)
        await write(res, event)
        if (++sent === cut) return void res.destroy()
      }
      if (response.final && index === response.log.length - 1) return void res.end()
    }
  }

  #administer(method: string | undefined, verb: string | undefined, res: ServerResponse): void {
    if (method === 'GET' && verb === 'responses') return answer(res, this.report)
    if (method !== 'POST') return refuse(res, 405, 'No such method.')
    if (verb === 'release') this.release()
    else if (verb === 'expire') this.expire()
    else if (verb !== 'cut') return refuse(res, 404, 'No such verb.')
    answer(res, this.report)
    if (verb === 'cut') res.once('finish', () => this.cut())
  }
}

function begin(res: ServerResponse): void {
  if (!res.headersSent) res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
}

/** Resolves once the bytes are with the operating system, or the connection is gone. */
async function write(res: ServerResponse, event: MockEvent): Promise<void> {
  await new Promise((resolve) =>
    res.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`, resolve),
  )
}

function answer(res: ServerResponse, body: object): void {
  res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function refuse(res: ServerResponse, status: number, message: string): void {
  const error = { message, type: 'invalid_request_error', param: null, code: null }
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      script: { type: 'string', default: '{}' },
      keep: { type: 'string', default: '600' },
      'no-keys': { type: 'boolean', default: false },
    },
  })
  const mock = await ResponsesMock.start({
    port: Number(values.port),
    script: JSON.parse(values.script) as Script,
    keep: Number(values.keep),
    keys: !values['no-keys'],
  })
  console.log(mock.baseURL)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void mock.close())
}
