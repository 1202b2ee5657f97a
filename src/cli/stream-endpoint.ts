/** A running server's streams, as its HTTP endpoint gives them (docs/http-streams.md). */
import { placeText } from '../client/remote-reader.ts'
import type { AskedPlace } from '../protocol/offset.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import { CommandError, UsageError } from './command-error.ts'
import {
  type StreamSummary,
  NEXT_OFFSET,
  type RecordPage,
  readDeleted,
  readEndStatus,
  readListPage,
  readRecordPage,
} from './endpoint-answers.ts'
import type { EndpointSettings } from './options/endpoint.ts'

/** Seconds for an answer to begin. A stop waits for its run to end. */
const TIMEOUT = 30
const STOP_TIMEOUT = 120

export class StreamEndpoint {
  /** What the ids of streams are appended to, behind a slash. */
  readonly base: string
  readonly #headers: Headers

  constructor({ url, headers }: Required<EndpointSettings>) {
    this.base = url
    this.#headers = new Headers()
    for (const [name, value] of headers) this.#headers.append(name, value)
  }

  /** The platform's, with what says who asks. */
  readonly fetch: typeof fetch = async (input, init = {}) => {
    const headers = new Headers(init.headers)
    for (const [name, value] of this.#headers) headers.set(name, value)
    // What says who asks is meant for this server, and not for where it may point to.
    return await fetch(input, { ...init, headers, redirect: 'manual' })
  }

  async *list(prefix: string): AsyncGenerator<StreamSummary, void, undefined> {
    for (let after = ''; ;) {
      const query = new URLSearchParams({ limit: '1000', ...(prefix && { prefix }), ...(after && { after }) })
      const response = await this.#request(`?${query.toString()}`)
      const { streams, next } = await this.#answer(response, readListPage)
      yield* streams
      if (next === undefined) return
      after = next
    }
  }

  /**
   * The records after a place, as many as one answer holds.
   *
   * @throws {CommandError} for a stream of bytes, too.
   */
  async read(id: string, place: AskedPlace): Promise<RecordPage> {
    const query = new URLSearchParams({ offset: placeText(place) })
    const response = await this.#request(`${pathOf(id)}?${query.toString()}`)
    if (response.headers.has(NEXT_OFFSET)) await checkJson(response)
    return await this.#answer(response, readRecordPage)
  }

  /** Resolves with how the run ended, once it has. */
  async stop(id: string): Promise<RunEnd['status']> {
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' }
    return await this.#answer(await this.#request(`${pathOf(id)}/stop`, init, STOP_TIMEOUT), readEndStatus)
  }

  async delete(id: string): Promise<void> {
    await this.#answer(await this.#request(pathOf(id), { method: 'DELETE' }), readDeleted)
  }

  /** @throws {CommandError} for a server that does not answer, or that refuses. */
  async #request(path: string, init: RequestInit = {}, timeout = TIMEOUT): Promise<Response> {
    let response: Response
    try {
      response = await this.fetch(this.base + path, { ...init, signal: AbortSignal.timeout(timeout * 1000) })
    } catch (error) {
      throw this.#silent(error)
    }
    if (response.ok) return response
    throw new CommandError(await this.#refusal(response))
  }

  async #refusal(response: Response): Promise<string> {
    const { status } = response
    const error = await errorIn(response)
    if (error === undefined || error.code === 'route_not_found') {
      return `no streams are served at ${this.base} (HTTP ${status}); --url says where they are`
    }
    return status === 401 ? `${error.message} --header or MILLRACE_HEADER says who you are.` : error.message
  }

  async #answer<T>(response: Response, read: (text: string, response: Response) => T): Promise<T> {
    let text: string
    try {
      text = await response.text()
    } catch (error) {
      throw this.#silent(error)
    }
    try {
      return read(text, response)
    } catch (error) {
      throw new CommandError(
        `${this.base} gave no answer of a Millrace server; --url says where one is`,
        error,
      )
    }
  }

  #silent(error: unknown): CommandError {
    const reason = reasonIn(error)
    return new CommandError(`${this.base} does not answer${reason}; --url says where the server is`, error)
  }
}

async function checkJson({ headers, body }: Response): Promise<void> {
  const type = headers.get('content-type') ?? ''
  if (/^application\/(?:[^;]+\+)?json\b/i.test(type)) return
  await body?.cancel()
  throw new CommandError(`the stream holds ${type}, not JSON records; read it with curl`)
}

function pathOf(id: string): string {
  // In an address they would lead elsewhere, however they are written.
  if (id === '.' || id === '..' || !/^[!-~]{1,512}$/.test(id))
    throw new UsageError('that is not the id of a stream')
  return `/${encodeURIComponent(id)}`
}

async function errorIn(response: Response): Promise<{ code: string; message: string } | undefined> {
  const body = (await response.json().catch(() => undefined)) as
    | { error?: { code?: unknown; message?: unknown } }
    | undefined
  const { code, message } = body?.error ?? {}
  return typeof code === 'string' && typeof message === 'string' ? { code, message } : undefined
}

/** Node says in the cause what happened. */
function reasonIn(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: NodeJS.ErrnoException }
  if (name === 'TimeoutError') return ' in time'
  const { code } = cause ?? {}
  return code === undefined ? '' : ` (${code === 'ECONNREFUSED' ? 'connection refused' : code})`
}
