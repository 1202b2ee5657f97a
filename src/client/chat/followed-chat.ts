/**
 * A chat whose log is followed, and folded by the same rules as on the server. So it shows what any tab, device and
 * process does in the chat, and goes on by itself after a connection was lost.
 */
import { type ChatItem, contentsOf } from '../../conversation/chat.ts'
import { type ChatAsk, Conversation } from '../../conversation/conversation.ts'
import { type ChatMessage, entryIn } from '../../conversation/entries.ts'
import { parsePlace } from '../../protocol/offset.ts'
import { StreamError, clientClosed } from '../errors.ts'
import { Listeners } from '../listeners.ts'
import type { RemoteStream } from '../remote-stream.ts'
import type { ChatFeed } from './chat-feed.ts'
import type { LiveChat, LiveChatSnapshot } from './live-chat.ts'

/** What a chat needs of its client. */
export interface FollowedChatHost {
  readonly feed: ChatFeed
  /** Follows the log of a chat; throws when nothing can be followed any more. */
  follow(chat: string, offset: string): RemoteStream
  /** Whether anybody subscribes to a chat has changed. */
  used(chat: FollowedChat, isUsed: boolean): void
}

const START = '-1'
const NOTHING: LiveChatSnapshot = { status: 'loading', messages: [], queue: [] }

export class FollowedChat implements LiveChat {
  readonly id: string
  readonly #host: FollowedChatHost
  readonly #listeners = new Listeners()
  #conversation = new Conversation()
  #offset = START
  #snapshot = NOTHING
  #count = 0
  #stream: RemoteStream | undefined
  /** Tells where the log ended when it was opened. */
  #tail: RemoteStream | undefined
  /** Whether the fold has what the log had when it was opened. */
  #isWhole = false
  #undo: (() => void)[] = []
  #deaf: (() => void) | undefined

  constructor(id: string, host: FollowedChatHost) {
    this.id = id
    this.#host = host
  }

  snapshot(): LiveChatSnapshot {
    return this.#snapshot
  }

  subscribe(listener: () => void): () => void {
    const undo = this.#listeners.add(listener)
    if (this.#count++ === 0) {
      this.#host.used(this, true)
      this.look()
    }
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      undo()
      this.#count--
      // Whoever moves from one component to another, or is mounted twice by StrictMode, is back by then.
      queueMicrotask(() => {
        if (this.#count > 0) return
        this.#close()
        this.#host.used(this, false)
      })
    }
  }

  get isLooking(): boolean {
    return this.#stream !== undefined && !this.#isWhole
  }

  ask(run: string): ChatAsk | undefined {
    return this.#conversation.asks.get(run)
  }

  asks(): readonly ChatAsk[] {
    return Array.from(this.#conversation.asks.values())
  }

  message(key: string): ChatMessage | undefined {
    return this.#conversation.tree.get(key)?.message
  }

  look(): void {
    if (this.#count === 0 || this.#stream) return
    try {
      this.#stream = this.#host.follow(this.id, this.#offset)
      if (!this.#isWhole) this.#tail = this.#host.follow(this.id, 'now')
    } catch (error) {
      // The client was closed. Anything else is a mistake in the program.
      if (!(error instanceof StreamError)) throw error
      return this.#become({ ...NOTHING, status: 'failed', error })
    }
    // A name that no stream can have: the id is too long, written as in a URL.
    if (this.#stream.done) {
      const { error } = this.#stream
      this.#close()
      return this.#become({ ...NOTHING, status: 'failed', ...(error && { error }) })
    }
    const changed = (): void => this.#changed()
    this.#undo = [this.#stream.subscribe(changed), ...(this.#tail ? [this.#tail.subscribe(changed)] : [])]
    this.#changed()
  }

  #changed(): void {
    const stream = this.#stream
    if (!stream) return
    const records = stream.take()
    for (const record of records) {
      const entry = entryIn(record)
      if (entry) this.#conversation.add(entry)
    }
    this.#offset = stream.offset
    if (stream.done) return this.#ended(stream)
    if (this.#isWhole) {
      if (records.length > 0) this.#show()
    } else if (this.#hasAll(stream)) {
      this.#isWhole = true
      this.#tail?.close()
      this.#tail = undefined
      this.#show()
    }
  }

  /** Whether the log was read to where it ended when it was opened. */
  #hasAll({ status, offset }: RemoteStream): boolean {
    const tail = this.#tail
    if (status !== 'running' || tail?.status === 'connecting') return false
    return !tail || tail.done || positionOf(offset) >= positionOf(tail.offset)
  }

  #show(): void {
    const before = new Map(this.#snapshot.messages.map((item) => [item.key, item]))
    const { messages, ...rest } = contentsOf(this.#conversation)
    this.#become({
      status: 'live',
      ...rest,
      messages: messages.map((item) => asBefore(before.get(item.key), item)),
    })
  }

  #ended({ status, error }: RemoteStream): void {
    const wasAt = this.#offset
    const wasDeleted = this.#snapshot.status === 'deleted'
    this.#close()
    this.#isWhole = false
    this.#conversation = new Conversation()
    this.#offset = START
    if (status === 'error' && error?.code === 'stream_not_found')
      this.#become({ ...NOTHING, status: this.#deaf && wasDeleted ? 'deleted' : 'absent' })
    // Another history than the one that was read: that of a store which lost some, or of a chat that was made anew.
    else if (wasAt !== START && (error?.reason === 'lost' || error?.code.startsWith('offset_')))
      return this.look()
    else if (status === 'error' || error?.code === 'closed')
      this.#become({ ...NOTHING, status: 'failed', ...(error && { error }) })
    else if (status === 'running' || status === 'connecting')
      this.#become({ ...NOTHING, status: 'failed', error: clientClosed() })
    else this.#become({ ...NOTHING, status: 'deleted' })
    this.#listen()
  }

  /** Waits for a chat of this id to come to be. */
  #listen(): void {
    const { status } = this.#snapshot
    if (status !== 'absent' && status !== 'deleted') return
    const { id } = this
    this.#deaf ??= this.#host.feed.listen({
      heard: (news) => {
        if (news.some((one) => one.chat === id && !('deleted' in one))) this.look()
      },
      look: () => {
        if (this.#snapshot.status !== 'failed') this.look()
      },
    })
  }

  #become(snapshot: LiveChatSnapshot): void {
    if (snapshot.status === 'live') this.#hearNoMore()
    const { status } = snapshot
    const isStill = status === this.#snapshot.status && (status === 'absent' || status === 'deleted')
    if (!isStill) this.#snapshot = snapshot
    this.#listeners.tell()
  }

  #close(): void {
    for (const undo of this.#undo.splice(0)) undo()
    this.#stream?.close()
    this.#tail?.close()
    this.#stream = this.#tail = undefined
    if (this.#count === 0) this.#hearNoMore()
  }

  #hearNoMore(): void {
    this.#deaf?.()
    this.#deaf = undefined
  }
}

/** The item that was shown before, where it is the same: components that show it need not render again. */
function asBefore(before: ChatItem | undefined, item: ChatItem): ChatItem {
  if (before?.message !== item.message || before.ask !== item.ask) return item
  return before.versions.join() === item.versions.join() ? before : item
}

function positionOf(offset: string): number {
  const place = parsePlace(offset)
  return typeof place === 'string' ? 0 : place.position
}
