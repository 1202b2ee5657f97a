/** What a page asks of the chats of a server, over HTTP: each request is made again until it is answered. */
import type { ConnectionState } from '../carrier.ts'
import { type StreamError, clientClosed } from '../errors.ts'
import { SILENCE } from '../http/line.ts'
import { HttpCarrier, type HttpCarrierOptions } from '../http/http-carrier.ts'

export interface RequestDetails {
  readonly body?: object
  /** Headers besides the client's own. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Ends the wait. What the server was asked may be done all the same. */
  readonly signal?: AbortSignal | undefined
}

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/** Characters that go up in a second, at least: nothing is heard of a picture before its last one. */
const SLOWEST = 20_000

export class ChatRequests {
  readonly #options: () => HttpCarrierOptions
  #carrier: HttpCarrier | undefined
  #closed = false

  /** @param options called with the first request: a server that renders a page has no address of its own. */
  constructor(options: () => HttpCarrierOptions) {
    this.#options = options
  }

  /** `reconnecting` while a request does not get through. */
  get state(): ConnectionState {
    return this.#carrier?.state ?? 'idle'
  }

  get error(): StreamError | undefined {
    return this.#carrier?.error
  }

  /**
   * Resolves with the JSON of the answer; undefined for one without. Rejects with a `StreamError` for a refusal, and with
   * the reason of the signal.
   */
  async ask(method: Method, path: string, { body, headers, signal }: RequestDetails = {}): Promise<unknown> {
    if (this.#closed) throw clientClosed()
    signal?.throwIfAborted()
    this.#carrier ??= new HttpCarrier(this.#options())
    const init: RequestInit & { body?: string } = { method, headers: { ...headers } }
    if (body) {
      init.body = JSON.stringify(body)
      init.headers = { ...headers, 'content-type': 'application/json' }
    }
    const answer = this.#carrier.ask(path, init, signal, SILENCE + (init.body?.length ?? 0) / SLOWEST)
    return await (signal ? orAborted(answer, signal) : answer)
  }

  close(): void {
    this.#closed = true
    this.#carrier?.close()
  }
}

/** Rejects as soon as the signal aborts. */
async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let abort = (): void => {}
  const aborted = new Promise<never>((_resolve, reject) => {
    abort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', abort)
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
