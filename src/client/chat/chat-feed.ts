/**
 * The feed of a user's chats: that one was created, asked, answered, renamed or deleted, in any tab and on any device. It
 * is a signal, not the truth: whoever must not miss anything looks when it is opened, and then listens.
 *
 * A server has none for users that it does not know, nor before there is a first chat. It is asked for again and again, so
 * that whoever waits for something looks then.
 */
import { type ChatNews, newsIn } from '../../conversation/news.ts'
import { retryDelay } from '../network/backoff.ts'
import type { StreamError } from '../errors.ts'
import type { RemoteStream } from '../remote-stream.ts'

export interface FeedListener {
  /** News has come. */
  readonly heard: (news: readonly ChatNews[]) => void
  /**
   * Something may have happened before and was not told: the feed was opened just now, or there is none (`isThere`
   * false). Called again and again for the latter.
   */
  readonly look: (isThere: boolean) => void
  /** The server refuses the feed, as to a user who has signed out. It is asked no more until somebody looks. */
  readonly refused?: (error: StreamError) => void
}

/** Errors of a feed that is not there, or not any more, or whose place is lost. Any other would be the same again. */
const PASSING: ReadonlySet<string> = new Set([
  'stream_not_found',
  'gone',
  'gap',
  'offset_lost',
  'offset_past_end',
  'offset_trimmed',
  'too_many_subscriptions',
])

/** Seconds between two looks for a feed that is not there: at least, and at most beside that. */
const PAUSE = 1
const LONGER = 4

export class ChatFeed {
  readonly #follow: () => RemoteStream
  readonly #listeners = new Set<FeedListener>()
  #stream: RemoteStream | undefined
  #undo: (() => void) | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #attempt = 0
  #isThere = false

  /** @param follow follows the feed from now on; throws when nothing can be followed any more. */
  constructor(follow: () => RemoteStream) {
    this.#follow = follow
  }

  /** Listens while anybody does. Returns the undo. */
  listen(listener: FeedListener): () => void {
    this.#listeners.add(listener)
    if (this.#isThere) listener.look(true)
    else this.look()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#leave()
    }
  }

  /** Opens the feed at once, where it is waited for: there may be one by now. */
  look(): void {
    if (this.#listeners.size > 0 && !this.#stream) this.#open()
  }

  #open(): void {
    clearTimeout(this.#timer)
    let stream: RemoteStream
    try {
      stream = this.#follow()
    } catch {
      return this.#each((listener) => listener.look(false))
    }
    this.#stream = stream
    this.#undo = stream.subscribe(() => this.#changed(stream))
    this.#changed(stream)
  }

  #changed(stream: RemoteStream): void {
    const news = stream
      .take()
      .map(newsIn)
      .filter((one) => one !== undefined)
    if (news.length > 0) this.#each((listener) => listener.heard(news))
    if (stream !== this.#stream) return
    if (stream.done) return this.#lost(stream)
    if (this.#isThere || stream.status !== 'running') return
    this.#isThere = true
    this.#attempt = 0
    this.#each((listener) => listener.look(true))
  }

  #lost({ error }: RemoteStream): void {
    this.#leave()
    if (error && !PASSING.has(error.code)) {
      this.#each((listener) => listener.look(false))
      return this.#each((listener) => listener.refused?.(error))
    }
    const seconds = PAUSE + Math.min(LONGER, retryDelay(this.#attempt++))
    this.#timer = setTimeout(() => this.#open(), seconds * 1000)
    this.#each((listener) => listener.look(false))
  }

  /** Ends what waits. */
  close(): void {
    this.#listeners.clear()
    this.#leave()
  }

  #leave(): void {
    clearTimeout(this.#timer)
    this.#undo?.()
    this.#stream?.close()
    this.#stream = undefined
    this.#isThere = false
  }

  #each(tell: (listener: FeedListener) => void): void {
    for (const listener of Array.from(this.#listeners)) tell(listener)
  }
}
