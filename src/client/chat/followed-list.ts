/**
 * The list of a user's chats, the one in which something happened last first: what the server lists, kept up to date by
 * the feed.
 */
import type { ChatList, ListedChat } from '../../conversation/chat.ts'
import type { ChatNews } from '../../conversation/news.ts'
import { StreamError } from '../errors.ts'
import { Listeners } from '../listeners.ts'
import type { ChatFeed } from './chat-feed.ts'
import type { ChatRequests } from './chat-requests.ts'
import type { LiveChatList, LiveChatListSnapshot } from './live-chat-list.ts'

/** Chats of a page. */
const PAGE = 30
/** Most chats that a server lists at once. */
const MOST = 100
/** Milliseconds for which a list holds that no feed keeps up to date. */
const FRESH = 30_000

export class FollowedList implements LiveChatList {
  readonly #feed: ChatFeed
  readonly #requests: ChatRequests
  readonly #listeners = new Listeners()
  #snapshot: LiveChatListSnapshot = { status: 'loading', chats: [], hasMore: false }
  #count = 0
  #deaf: (() => void) | undefined
  #next: string | undefined
  /** The request under way, which holds the news that came after it was made. */
  #loading: { readonly news: ChatNews[] } | undefined
  #loadedAt: number | undefined
  /** Whether the feed was opened while the list was loaded: what happened before that may be in neither. */
  #isStale = false

  constructor(feed: ChatFeed, requests: ChatRequests) {
    this.#feed = feed
    this.#requests = requests
  }

  snapshot(): LiveChatListSnapshot {
    return this.#snapshot
  }

  subscribe(listener: () => void): () => void {
    const undo = this.#listeners.add(listener)
    if (this.#count++ === 0)
      this.#deaf ??= this.#feed.listen({
        heard: (news) => this.#heard(news),
        look: (isThere) => this.#look(isThere),
        refused: (error) => this.#failed(error),
      })
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      undo()
      this.#count--
      queueMicrotask(() => {
        if (this.#count > 0) return
        this.#deaf?.()
        this.#deaf = undefined
      })
    }
  }

  async more(): Promise<void> {
    const after = this.#next
    if (after === undefined || this.#loading) return
    await this.#load({ after, limit: PAGE })
  }

  #look(isThere: boolean): void {
    if (this.#loading) {
      this.#isStale ||= isThere
      return
    }
    const isFresh = this.#loadedAt !== undefined && performance.now() - this.#loadedAt < FRESH
    if (!isThere && isFresh) return
    const limit = Math.min(MOST, Math.max(PAGE, this.#snapshot.chats.length))
    this.#load({ limit }).catch((error: unknown) => {
      if (error instanceof StreamError) this.#failed(error)
    })
  }

  /** What was listed may be another user's from now on. */
  #failed(error: StreamError): void {
    this.#next = undefined
    this.#loadedAt = performance.now()
    this.#become({ status: 'failed', chats: [], hasMore: false, error })
  }

  async #load({ after, limit }: { readonly after?: string; readonly limit: number }): Promise<void> {
    const loading = { news: [] }
    this.#loading = loading
    try {
      const query = `?limit=${limit}${after === undefined ? '' : `&after=${encodeURIComponent(after)}`}`
      const { chats, next } = (await this.#requests.ask('GET', query)) as ChatList
      this.#next = next
      this.#loadedAt = performance.now()
      const before = after === undefined ? [] : this.#snapshot.chats
      this.#show([...chats, ...before], loading.news)
    } finally {
      this.#loading = undefined
      const isStale = this.#isStale
      this.#isStale = false
      if (isStale) this.#look(true)
    }
  }

  #heard(news: readonly ChatNews[]): void {
    this.#loading?.news.push(...news)
    if (this.#snapshot.status === 'live') this.#show(this.#snapshot.chats, news)
  }

  /** Shows chats with what is new of them. Of one that is named twice the latter holds. */
  #show(chats: readonly ListedChat[], news: readonly ChatNews[]): void {
    const byId = new Map(chats.map((chat) => [chat.id, chat]))
    for (const one of news) {
      if ('deleted' in one) byId.delete(one.chat)
      else {
        const { chat: id, ...rest } = one
        byId.set(id, { id, ...rest })
      }
    }
    const sorted = Array.from(byId.values()).sort((one, other) => other.at - one.at)
    this.#become({ status: 'live', chats: sorted, hasMore: this.#next !== undefined })
  }

  #become(snapshot: LiveChatListSnapshot): void {
    this.#snapshot = snapshot
    this.#listeners.tell()
  }
}
