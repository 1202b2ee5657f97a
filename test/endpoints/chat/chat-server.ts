/** A real server with one chat route, and the stock clients of it, in Node. */
import {
  type ChatTransport,
  type UIMessage,
  type UIMessageChunk,
  AbstractChat,
  DefaultChatTransport,
  WebSocketChatTransport,
} from 'ai'
import { createDurableChatTransport } from '@durable-streams/aisdk-transport'
import { WorkflowChatTransport } from '@ai-sdk/workflow/client'
import { type AnswerSource, type ChatOptions, chat } from '../../../src/ai-sdk.ts'
import type { Chats } from '../../../src/chats/chats.ts'
import { type OwnerOf, type Route, type Streaming, memory, streaming } from '../../../src/index.ts'
import type { StreamStore } from '../../../src/streams/store.ts'
import { collectingLogger } from '../../support/logger.ts'
import { type TestServer, serve } from '../../support/server.ts'
import { checked } from './checked-transport.ts'
import { replaying } from './replaying.ts'

export interface ChatServer extends AsyncDisposable {
  readonly server: TestServer
  readonly streams: Streaming
  readonly chats: Chats
  readonly address: string
  /** Goes down as a server does that is told to. */
  drain(): Promise<void>
}

export interface ChatServerOptions extends Pick<
  ChatOptions,
  | 'whileBusy'
  | 'messagesFrom'
  | 'afterCrash'
  | 'authenticate'
  | 'history'
  | 'holdFor'
  | 'signInterval'
  | 'maxMessageSize'
> {
  readonly source: AnswerSource
  readonly store?: StreamStore
  readonly port?: number
  readonly ownerOf?: OwnerOf
  /** Sends of one owner in a minute. */
  readonly startsPerOwner?: number
  /** Beside those of the chat. */
  readonly routes?: readonly Route[]
}

export async function startChats({
  source,
  store = memory(),
  port = 0,
  ownerOf,
  startsPerOwner = 60,
  routes = [],
  ...options
}: ChatServerOptions): Promise<ChatServer> {
  const logger = collectingLogger()
  const served = chat('/api/chat', { stream: source, ...options })
  const streams = streaming({
    // A store that outlives its server, as one in a file does.
    store: new Proxy(store, {
      get: (of, name) => (name === 'close' ? () => Promise.resolve() : bound(of, name)),
    }),
    logger,
    chats: served.chats,
    leaseTtl: 1,
    shutdownGrace: 0,
    limits: { startsPerOwner },
    ...(ownerOf && { ownerOf }),
  })
  const server = await serve({ streams, routes: [served, ...routes] }, { port, shutdownTimeout: 1 })
  const { chats } = server.app
  const drain = (): Promise<void> => server.app.close()
  return { server, streams, chats, address: server.url('/api/chat'), drain, [Symbol.asyncDispose]: drain }
}

function bound(store: StreamStore, name: string | symbol): unknown {
  const member = store[name as keyof StreamStore] as unknown
  return typeof member === 'function' ? (member.bind(store) as unknown) : member
}

/** `useChat` without React: the class under it, as published, with plain state. */
export class NodeChat extends AbstractChat<UIMessage> {
  readonly errors: Error[] = []
  readonly statuses: string[] = []

  constructor(id: string, transport: ChatTransport<UIMessage>, messages: UIMessage[] = [], more = {}) {
    const statuses: string[] = []
    let status = 'ready'
    const state = {
      get status() {
        return status as never
      },
      set status(next: never) {
        status = next
        statuses.push(next)
      },
      error: undefined,
      messages,
      pushMessage: (message: UIMessage) => void (state.messages = [...state.messages, message]),
      popMessage: () => void (state.messages = state.messages.slice(0, -1)),
      replaceMessage: (index: number, message: UIMessage) =>
        void (state.messages = state.messages.with(index, structuredClone(message))),
      snapshot: <T>(thing: T): T => structuredClone(thing),
    }
    super({ id, transport, state, onError: (error) => void this.errors.push(error), ...more })
    this.statuses = statuses
  }

  /** The text of the last message. */
  get text(): string {
    return textOf(this.messages.at(-1))
  }
}

export function textOf(message: UIMessage | undefined): string {
  return (message?.parts ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('')
}

export type Stock =
  | 'DefaultChatTransport'
  | 'WebSocketChatTransport'
  | 'WorkflowChatTransport'
  | 'createDurableChatTransport'

export const STOCK: readonly Stock[] = [
  'DefaultChatTransport',
  'WebSocketChatTransport',
  'WorkflowChatTransport',
  'createDurableChatTransport',
]

export interface StockOptions {
  /** The id that a page of `WorkflowChatTransport` sends along. */
  readonly chat?: string
  readonly headers?: Record<string, string>
  /** Of `WorkflowChatTransport`. */
  readonly initialStartIndex?: number
}

/** A transport as published, but that each of its chunks is checked. */
export function transportOf(
  stock: Stock,
  address: string,
  options: StockOptions = {},
): ChatTransport<UIMessage> {
  return checked(bareTransport(stock, address, options))
}

function bareTransport(
  stock: Stock,
  address: string,
  { chat, headers = {}, initialStartIndex = 0 }: StockOptions,
): ChatTransport<UIMessage> {
  switch (stock) {
    case 'WorkflowChatTransport':
      return replaying(
        new WorkflowChatTransport({
          api: `${address}/workflow`,
          initialStartIndex,
          ...(chat !== undefined && {
            prepareSendMessagesRequest: ({ id, messages, body }) => ({
              body: { ...body, id, messages },
              headers,
            }),
          }),
          // Its types are for programs without exactOptionalPropertyTypes.
        }) as ChatTransport<UIMessage>,
      )
    case 'createDurableChatTransport':
      return replaying(createDurableChatTransport({ api: `${address}/durable`, headers }))
    case 'DefaultChatTransport':
      return new DefaultChatTransport({ api: address, headers })
    case 'WebSocketChatTransport':
      return new WebSocketChatTransport({ url: address.replace('http', 'ws') })
  }
}

/** An answer that goes on as a test says. */
export class Script {
  readonly #waiting: UIMessageChunk[] = []
  #wake = Promise.withResolvers<void>()
  #over = false
  /** Whether the signal of the answer aborted. */
  aborted = false

  /** The next words of the answer. */
  say(...texts: string[]): void {
    this.give(...texts.map((delta) => ({ type: 'text-delta', id: '1', delta }) as const))
  }

  give(...chunks: UIMessageChunk[]): void {
    this.#waiting.push(...chunks)
    this.#wake.resolve()
  }

  end(): void {
    this.#over = true
    this.#wake.resolve()
  }

  readonly source: AnswerSource = ({ signal }) => this.#chunks(signal)

  async *#chunks(signal: AbortSignal): AsyncGenerator<UIMessageChunk> {
    yield { type: 'start' }
    yield { type: 'text-start', id: '1' }
    signal.addEventListener('abort', () => {
      this.aborted = true
      this.#wake.resolve()
    })
    while (!signal.aborted) {
      const next = this.#waiting.shift()
      if (next) yield next
      else if (this.#over) break
      else {
        await this.#wake.promise
        this.#wake = Promise.withResolvers()
      }
    }
    signal.throwIfAborted()
    yield { type: 'text-end', id: '1' }
    yield { type: 'finish', finishReason: 'stop' }
  }
}
