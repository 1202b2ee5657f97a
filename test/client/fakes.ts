/** A network without a network: the test opens, cuts and speaks for the server. */
import type {
  ClientFrame,
  EndFrame,
  ErrorFrame,
  GoneFrame,
  RecordsFrame,
  ServerFrame,
  SubscribedFrame,
} from '../../src/protocol/stream-frames.ts'
import type { SocketFactory, SocketLike } from '../../src/client/socket/platform-socket.ts'

type OfStream<Frame> = Omit<Frame, 'sub'> & { readonly stream: string | number }

/**
 * What a server says of a stream, to whoever asked for it last, or by the number of one of its subscriptions.
 * So tests that are about something else need no numbers.
 */
export type Said =
  | OfStream<SubscribedFrame>
  | OfStream<RecordsFrame>
  | OfStream<EndFrame>
  | OfStream<GoneFrame>
  | OfStream<ErrorFrame>

/** What a client asks, with the stream in place of its number. */
export type Asked = Exclude<ClientFrame, { sub: number }> | { readonly type: string; readonly stream: string }

const STAMP = 'k3j9x2a1bc'

/** The token of a place in the streams of these tests. */
export function at(position: number, stamp: string = STAMP): string {
  return `${String(position).padStart(16, '0')}_${stamp}`
}

/** That of a place inside of a batch that ends further on. */
export function inside(position: number, end: number): string {
  return `${at(position)}.${end - position}`
}

/** The record at each position is the position. */
export function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index)
}

export function records(stream: string | number, from: number, to: number): OfStream<RecordsFrame> {
  return { type: 'records', stream, from: at(from), offset: at(to), records: numbers(from, to) }
}

export class FakeSocket implements SocketLike {
  onopen: (() => void) | null = null
  onmessage: ((event: { readonly data: unknown }) => void) | null = null
  onclose: ((event: { readonly code: number }) => void) | null = null
  onerror: (() => void) | null = null
  readonly url: string
  readonly protocol: string | string[]
  readonly sent: ClientFrame[] = []
  state: 'connecting' | 'open' | 'closed' = 'connecting'
  /** The stream of each number that was asked for. */
  readonly #streams = new Map<number, string>()

  constructor(url: string, protocol: string | string[]) {
    this.url = url
    this.protocol = protocol
  }

  send(text: string): void {
    if (this.state === 'connecting') throw new Error('Sent before the socket was open')
    if (this.state !== 'open') return
    const frame = JSON.parse(text) as ClientFrame
    if (frame.type === 'subscribe') this.#streams.set(frame.sub, frame.stream)
    this.sent.push(frame)
  }

  close(): void {
    this.state = 'closed'
  }

  open(): this {
    this.state = 'open'
    this.onopen?.()
    return this
  }

  /** The server says something. */
  frame(...frames: readonly (ServerFrame | Said)[]): void {
    for (const frame of frames) this.onmessage?.({ data: JSON.stringify(this.#numbered(frame)) })
  }

  /** The connection ends. */
  cut(code = 1006): void {
    this.state = 'closed'
    this.onclose?.({ code })
  }

  /** What was sent since it was last asked, without the pings, by the streams' ids. */
  taken(): Asked[] {
    return this.takenByNumber().map((frame) => {
      if (!('sub' in frame)) return frame
      const { sub, ...rest } = frame
      return { ...rest, stream: this.#streams.get(sub) as string }
    })
  }

  /** The same as it was sent. */
  takenByNumber(): ClientFrame[] {
    return this.sent.splice(0).filter(({ type }) => type !== 'ping')
  }

  #numbered(frame: ServerFrame | Said): object {
    if (!('stream' in frame) || frame.type === 'started' || frame.type === 'stopped') return frame
    const { stream, ...rest } = frame
    const asked = [...this.#streams].findLast(([, one]) => one === stream)?.[0]
    return { ...rest, sub: typeof stream === 'number' ? stream : asked }
  }
}

export class FakeNetwork {
  readonly sockets: FakeSocket[] = []
  readonly connect: SocketFactory = (url, protocol) => {
    const socket = new FakeSocket(url, protocol)
    this.sockets.push(socket)
    return socket
  }

  /** The socket that was made last. */
  get socket(): FakeSocket {
    const socket = this.sockets.at(-1)
    if (!socket) throw new Error('No socket was made')
    return socket
  }
}

/** What stands in for the window of a page until it is removed. */
export interface FakeWindow {
  /** Tells the listeners of an event. */
  dispatch(type: string): void
  /** The page is not looked at any more. */
  hide(): void
  readonly listeners: number
  remove(): void
}

export function fakeWindow(): FakeWindow {
  const listeners = new Map<string, Set<() => void>>()
  const target = {
    addEventListener: (type: string, listener: () => void, { signal }: { readonly signal: AbortSignal }) => {
      listeners.set(type, (listeners.get(type) ?? new Set()).add(listener))
      signal.addEventListener('abort', () => listeners.get(type)?.delete(listener))
    },
  }
  const document = { ...target, visibilityState: 'visible' }
  Object.assign(globalThis, target, { document })
  return {
    hide: () => void (document.visibilityState = 'hidden'),
    dispatch: (type) => {
      for (const listener of listeners.get(type) ?? []) listener()
    },
    get listeners() {
      return [...listeners.values()].reduce((count, one) => count + one.size, 0)
    },
    remove: () => {
      for (const name of ['addEventListener', 'document']) Reflect.deleteProperty(globalThis, name)
    },
  }
}

/** One request that a client made, whose answer is the test's. */
export class FakeRequest {
  readonly url: URL
  readonly init: RequestInit
  readonly answer: (response: Response) => void
  readonly #fail: (error: Error) => void
  #body: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(
    url: URL,
    init: RequestInit,
    answer: (response: Response) => void,
    fail: (error: Error) => void,
  ) {
    this.url = url
    this.init = init
    this.answer = answer
    this.#fail = fail
    init.signal?.addEventListener('abort', () => this.fail())
  }

  get aborted(): boolean {
    return this.init.signal?.aborted === true
  }

  json(status: number, body: unknown): void {
    this.answer(Response.json(body, { status }))
  }

  /** Any other answer, such as a proxy's. */
  text(status: number, body: string): void {
    this.answer(new Response(body, { status }))
  }

  refuse(status: number, code: string): void {
    this.json(status, { error: { code, message: `This is ${code}` } })
  }

  /** Begins server-sent events. */
  events(headers: Record<string, string> = {}): this {
    const body = new ReadableStream<Uint8Array>({ start: (controller) => void (this.#body = controller) })
    this.answer(new Response(body, { headers }))
    return this
  }

  write(text: string): void {
    this.#body?.enqueue(new TextEncoder().encode(text))
  }

  event(name: string, data: unknown): void {
    this.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  /** Records and the place behind them. */
  records(from: number, to: number): void {
    this.event('data', numbers(from, to))
    this.event('control', { streamFromOffset: at(from), streamNextOffset: at(to) })
  }

  end(): void {
    this.#body?.close()
    this.#body = undefined
  }

  /** The connection breaks. */
  fail(): void {
    const error = new TypeError('fetch failed')
    this.#fail(error)
    this.#body?.error(error)
    this.#body = undefined
  }
}

/** What stands in for `fetch`. */
export class FakeEndpoint {
  readonly requests: FakeRequest[] = []
  readonly fetch: typeof fetch = (input, init = {}) =>
    new Promise((resolve, reject) => {
      this.requests.push(
        new FakeRequest(new URL(input instanceof Request ? input.url : input), init, resolve, reject),
      )
    })

  /** The request that was made last. */
  get request(): FakeRequest {
    const request = this.requests.at(-1)
    if (!request) throw new Error('Nothing was requested')
    return request
  }
}

/**
 * Counts the timeouts that are set and neither cleared nor over, of whoever uses the global functions from now on.
 * To be called behind `vi.useFakeTimers`, whose own count holds timers of the test runner as well.
 */
export function timeouts(): ReadonlySet<unknown> {
  const left = new Set<unknown>()
  const { setTimeout: set, clearTimeout: clear } = globalThis
  const tracked = (run: () => void, milliseconds?: number): ReturnType<typeof set> => {
    const timer = set(() => {
      left.delete(timer)
      run()
    }, milliseconds)
    left.add(timer)
    return timer
  }
  Object.assign(globalThis, { setTimeout: Object.assign(tracked, set) })
  globalThis.clearTimeout = (timer) => {
    left.delete(timer)
    clear(timer)
  }
  return left
}
