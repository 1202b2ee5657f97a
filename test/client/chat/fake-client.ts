/** A client of chats whose streams and answers a test gives by hand. */
import type { ChatClient, LiveChatSnapshot } from '../../../src/client/chat/index.ts'
import { StreamError } from '../../../src/client/index.ts'
import type { ChatAsk } from '../../../src/conversation/conversation.ts'

class Told {
  readonly #listeners = new Set<() => void>()

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** How many listen. */
  get count(): number {
    return this.#listeners.size
  }

  tell(): void {
    for (const listener of Array.from(this.#listeners)) listener()
  }
}

/** A stream as `RemoteStream` is read. */
export class FakeStream extends Told {
  status = 'running'
  error: StreamError | undefined
  end: unknown
  done = false
  isClosed = false
  readonly #waiting: unknown[] = []

  take(): unknown[] {
    return this.#waiting.splice(0)
  }

  close(): void {
    this.isClosed = true
  }

  say(...records: unknown[]): this {
    this.#waiting.push(...records)
    this.tell()
    return this
  }

  finish(status: string, { end, code }: { readonly end?: unknown; readonly code?: string } = {}): this {
    this.status = status
    this.end = end
    this.error = code === undefined ? undefined : new StreamError(code, `It is ${code}.`)
    this.done = true
    this.tell()
    return this
  }
}

export class FakeLive extends Told {
  isLooking = false
  readonly all = new Map<string, ChatAsk>()
  #snapshot: LiveChatSnapshot = { status: 'live', messages: [], queue: [] }

  snapshot = (): LiveChatSnapshot => this.#snapshot
  ask = (run: string): ChatAsk | undefined => this.all.get(run)
  asks = (): ChatAsk[] => Array.from(this.all.values())
  message = (): undefined => undefined
  look = (): void => {}

  become(snapshot: Partial<LiveChatSnapshot>, ...asks: readonly ChatAsk[]): void {
    for (const ask of asks) this.all.set(ask.run, ask)
    this.#snapshot = { ...this.#snapshot, ...snapshot }
    this.tell()
  }
}

export function askBy(
  run: string,
  status: ChatAsk['status'] = 'running',
  more: Partial<ChatAsk> = {},
): ChatAsk {
  return { run, kind: 'chat', message: 'm1', at: 0, status, ...more }
}

export class FakeClient {
  readonly live = new FakeLive()
  /** Given one after the other to those who ask for an answer. */
  readonly streams: FakeStream[] = []
  /** What the chat is, for whoever gets it. */
  kept: unknown
  gets = 0

  answer = (): FakeStream => this.streams.shift() ?? new FakeStream()
  chat = (): FakeLive => this.live
  get = (): Promise<unknown> => {
    this.gets++
    return Promise.resolve(this.kept)
  }

  /** Sends that wait for their answers. */
  readonly sends: { readonly run: string; readonly kept: (status: string) => void }[] = []
  send = (_chat: string, { run = '' }: { readonly run?: string }): Promise<unknown> =>
    new Promise((resolve) => {
      this.sends.push({ run, kept: (status) => resolve({ run, status, message: 'm1' }) })
    })

  get asClient(): ChatClient {
    return this as unknown as ChatClient
  }
}
