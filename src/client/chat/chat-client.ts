/** The chats of a server for one page: over one socket for all that is read, and small requests for what is done. */
import type { ChatMessage } from '../../conversation/entries.ts'
import type { Chat } from '../../conversation/chat.ts'
import { CHATS_FEED, chatStreamName, isChatId } from '../../conversation/stream-names.ts'
import type { Json } from '../../protocol/json.ts'
import { addressOf } from '../address.ts'
import type { ConnectionState } from '../carrier.ts'
import { StreamError } from '../errors.ts'
import { Listeners } from '../listeners.ts'
import { platformFetch } from '../network/requests.ts'
import type { RemoteStream } from '../remote-stream.ts'
import { type ClientOptions, StreamClient } from '../stream-client.ts'
import { ChatFeed } from './chat-feed.ts'
import { ChatRequests } from './chat-requests.ts'
import { FollowedList } from './followed-list.ts'
import type { LiveChat } from './live-chat.ts'
import type { LiveChatList } from './live-chat-list.ts'
import { OpenChats } from './open-chats.ts'

export interface ChatClientOptions extends Pick<ClientOptions, 'token' | 'webSocket' | 'fetch'> {
  /** The path of `chat(path, …)` on the server, or its whole address. Default `/api/chat`. */
  readonly api?: string
}

/** How an answer is asked for. */
export interface AskOptions {
  /** What becomes of it while something is being answered. Default: what the server's route says. */
  readonly whileBusy?: 'refuse' | 'queue' | 'replace'
  /** Anything for the server's `stream`, which gets it as `body`. */
  readonly body?: object | undefined
  /** The id of the run that answers; random by default. An ask that is made again with it is the same ask. */
  readonly run?: string
  /** Headers of the request. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Ends the wait for the server, and no answer. */
  readonly signal?: AbortSignal | undefined
}

export interface SendOptions extends AskOptions {
  /** With an id that no other message of the chat has. */
  readonly message: ChatMessage
  /** The id or key of the message that this one takes the place of, in a branch of its own. */
  readonly edits?: string
  /** The id or key of the message that it follows, null for the first. Default: the last of the current branch. */
  readonly after?: string | null
}

export interface RegenerateOptions extends AskOptions {
  /** The id or key of the message to answer again, or of the answer to replace. Default: the last. */
  readonly message?: string | null
}

/** What an ask has become. */
export interface Sent {
  /** The id of the run that answers. */
  readonly run: string
  /** `running`, or `queued` if it waits; how it ended, if it was asked before. */
  readonly status: string
  /** The key of the message that is answered. */
  readonly message: string
}

/**
 * Makes requests again until they are answered, and follows what it follows over lost connections, restarts and new
 * tokens. Each method rejects with a `StreamError` if the server refuses: its `message` is for people, its `code` for
 * programs, such as `chat_busy`.
 */
export class ChatClient {
  readonly #listeners = new Listeners()
  readonly #streams: StreamClient
  readonly #requests: ChatRequests
  readonly #feed: ChatFeed
  readonly #chats: OpenChats
  readonly #list: FollowedList

  /** @throws {TypeError} for an invalid address. */
  constructor({ api = '/api/chat', ...options }: ChatClientOptions = {}) {
    const socket = `${api.replace(/\/$/, '')}/socket`
    // Beside the socket.
    const http = 'streams'
    this.#streams = new StreamClient(socket, { ...options, http })
    this.#requests = new ChatRequests(() => {
      const { streams = '', isWhole } = addressOf(socket, { http })
      if (!isWhole) throw new TypeError('A client of chats needs a whole http address, or a page')
      return {
        base: streams.slice(0, -`/${http}`.length),
        fetch: options.fetch ?? platformFetch,
        token: options.token,
        stateChanged: () => this.#listeners.tell(),
      }
    })
    this.#streams.subscribe(() => {
      // A user who had signed out may be let in by now.
      if (this.#streams.state === 'connected') this.#feed.look()
      this.#listeners.tell()
    })
    this.#feed = new ChatFeed(() => this.#streams.stream(CHATS_FEED, { offset: 'now' }))
    this.#chats = new OpenChats({
      feed: this.#feed,
      follow: (chat, offset) => this.#streams.stream(chatStreamName(chat), { offset }),
    })
    this.#list = new FollowedList(this.#feed, this.#requests)
  }

  /** The state of the connection. The client connects again by itself. */
  get state(): ConnectionState {
    const { state } = this.#streams
    return state !== 'closed' && this.#requests.state === 'reconnecting' ? 'reconnecting' : state
  }

  /** Why there is no connection; undefined while there is one, or nothing is known yet. */
  get error(): StreamError | undefined {
    return this.#streams.error ?? this.#requests.error
  }

  /** Calls a listener whenever `state` or `error` changed. Returns the undo. */
  subscribe(listener: () => void): () => void {
    return this.#listeners.add(listener)
  }

  /** A chat, to be subscribed to. The same object for the same id while anybody subscribes. */
  chat(id: string): LiveChat {
    return this.#chats.get(id)
  }

  /** The user's chats, to be subscribed to. */
  chats(): LiveChatList {
    return this.#list
  }

  /** The chunks of an answer by the id of its run. */
  answer(run: string): RemoteStream {
    return this.#streams.stream(run)
  }

  /** A chat as it is now; undefined if there is none. Also does what a server that died left undone in it. */
  async get(id: string, signal?: AbortSignal): Promise<Omit<Chat, 'owner'> | undefined> {
    try {
      return (await this.#requests.ask('GET', pathOf(id), { signal })) as Chat
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw error
    }
  }

  /**
   * Sends a message and asks for an answer; the chat is created by its first message. Resolves when the server has kept
   * it. The same message sent again is the same send.
   */
  send(id: string, { message, edits, after, ...ask }: SendOptions): Promise<Sent> {
    return this.#ask(id, { message, edits, after }, ask)
  }

  /** Asks for another answer. The other ones stay, each in a branch of its own. */
  regenerate(id: string, { message = null, ...ask }: RegenerateOptions = {}): Promise<Sent> {
    return this.#ask(id, { again: message }, ask)
  }

  /** Takes back what waits for its turn, by the id of its message or by its run. */
  async takeBack(id: string, message: string): Promise<void> {
    await this.#requests.ask('POST', `${pathOf(id)}/take-back`, { body: { message } })
  }

  /** Goes on with the branch of another message: a version, or another answer. */
  async select(id: string, key: string): Promise<void> {
    await this.#requests.ask('PATCH', pathOf(id), { body: { selected: key } })
  }

  /** Sets the title; the empty text takes it away. */
  async rename(id: string, title: string): Promise<void> {
    await this.#requests.ask('PATCH', pathOf(id), { body: { title } })
  }

  /** Deletes a chat with all that is of it. One that is not there is none to delete. */
  async delete(id: string): Promise<void> {
    try {
      await this.#requests.ask('DELETE', pathOf(id))
    } catch (error) {
      // As for a request that was made twice because its answer was lost.
      if (!isAbsent(error)) throw error
    }
  }

  /**
   * Stops what is being answered, whoever asked for it, and its cost. What was said stays. Resolves with how the answer
   * ended, `completed` when the stop came too late; `idle` where nothing was being answered.
   */
  async stop(id: string): Promise<'stopped' | 'completed' | 'failed' | 'idle'> {
    const answer = await this.#requests.ask('POST', `${pathOf(id)}/stop`, { body: {} })
    return (answer as { status: 'stopped' | 'completed' | 'failed' | 'idle' }).status
  }

  /** Ends the connection, and every wait. Answers go on. */
  close(): void {
    this.#streams.close()
    this.#requests.close()
    this.#feed.close()
    this.#listeners.tell()
  }

  async #ask(
    id: string,
    what: { readonly [name: string]: Json | ChatMessage | undefined },
    { headers, signal, run = newRun(), whileBusy, body }: AskOptions,
  ): Promise<Sent> {
    const request = { ...what, run, whileBusy, body }
    const sent = await this.#requests.ask('POST', `${pathOf(id)}/messages`, {
      body: request,
      headers,
      signal,
    })
    this.#chats.get(id).look()
    this.#feed.look()
    return sent as Sent
  }
}

/** 128 random bits. `randomUUID` would need a page served over https. */
export function newRun(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join('-')
}

/** @throws {StreamError} `invalid_chat`. */
function pathOf(id: string): string {
  if (!isChatId(id)) throw new StreamError('invalid_chat', 'No chat can have this id.')
  return `/${encodeURIComponent(id)}`
}

function isAbsent(error: unknown): boolean {
  return error instanceof StreamError && error.code === 'chat_not_found'
}
