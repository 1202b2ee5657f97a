/** The stream of one chat as far as this process has read it, folded into a conversation. */
import { Buffer } from 'node:buffer'
import { type Chat, contentsOf } from '../conversation/chat.ts'
import { START, encodeOffset } from '../protocol/offset.ts'
import type { Offset } from '../protocol/offset.ts'
import type { AppendRequest, AppendResult, StreamStore } from '../streams/store.ts'
import type { StreamInfo, StreamRecord } from '../streams/stream.ts'
import { Conversation } from '../conversation/conversation.ts'
import { readEntry, writeEntry } from '../conversation/entries.ts'
import type { ChatEntry } from '../conversation/entries.ts'
import type { ChatPlace } from './history.ts'
import { listingOf } from './listing.ts'

/** `moved`: another process appended first, so read again. `gone`: the chat was deleted. */
export type Kept = 'kept' | 'moved' | 'gone'

export class ChatLog {
  readonly place: ChatPlace
  readonly id: string
  readonly incarnation: string
  readonly createdAt: number
  readonly conversation = new Conversation()
  readonly #store: StreamStore
  readonly #kept: (log: ChatLog) => void
  #offset: Offset = START
  #bytes = 0
  #isClosed = false

  /** @param kept is called after entries were kept here, and read. */
  constructor(
    store: StreamStore,
    place: ChatPlace,
    { id, incarnation, createdAt }: StreamInfo,
    kept: (log: ChatLog) => void,
  ) {
    this.#store = store
    this.#kept = kept
    this.place = place
    this.id = id
    this.incarnation = incarnation
    this.createdAt = createdAt
  }

  /** The place after the last entry that was read. */
  get offset(): Offset {
    return this.#offset
  }

  /** Size of all entries. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether the chat is being deleted. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** The chat as callers see it at this moment. */
  get chat(): Chat {
    const { chat: id, owner } = this.place
    return {
      id,
      createdAt: this.createdAt,
      ...contentsOf(this.conversation),
      offset: encodeOffset(this.#offset),
      ...(owner !== undefined && { owner }),
    }
  }

  /** Reads up to the tail; false if the stream has another history by now. Rejects as the store does. */
  async refresh(signal?: AbortSignal): Promise<boolean> {
    for (;;) {
      const options = { incarnation: this.incarnation, ...(signal && { signal }) }
      const page = await this.#store.read(this.id, this.#offset, options)
      if (page.outcome !== 'page') return false
      this.#take(page.from, page.records, page.next)
      if (page.closed) this.#isClosed = true
      if (page.upToDate) return true
    }
  }

  /**
   * Appends entries, all or none, if nothing was appended since the last read. Call it in the same turn as the decision,
   * because others in this process read the same log. The metadata for lists is kept with them. Rejects as the store
   * does.
   */
  async decide(entries: readonly ChatEntry[], signal?: AbortSignal): Promise<Kept> {
    const after = this.#offset
    const records = entries.map(writeEntry)
    const request = { records, after, metadata: listingOf(this.place, this.conversation.title, entries) }
    return this.#taken(after, records, await this.#append(request, signal), signal)
  }

  /** Keeps the answer of a run, once, wherever the tail is. Rejects as the store does. */
  async answer(entry: Extract<ChatEntry, { type: 'answer' }>, signal?: AbortSignal): Promise<Kept> {
    const after = this.#offset
    const records = [writeEntry(entry)]
    const producer = { id: answererOf(entry.run), epoch: 0, seq: 0 }
    return this.#taken(after, records, await this.#append({ records, producer }, signal), signal)
  }

  /** Closes the stream, so that everybody finds the chat deleted. False if it is gone already. */
  async close(signal?: AbortSignal): Promise<boolean> {
    const { outcome } = await this.#append({ close: true, end: { status: 'deleted' } }, signal)
    if (outcome === 'missing') return false
    this.#isClosed = true
    return true
  }

  #append(request: AppendRequest, signal?: AbortSignal): Promise<AppendResult> {
    return this.#store.append(this.id, { ...request, incarnation: this.incarnation }, signal)
  }

  async #taken(
    after: Offset,
    records: readonly string[],
    result: AppendResult,
    signal: AbortSignal | undefined,
  ): Promise<Kept> {
    switch (result.outcome) {
      case 'appended':
        // An append without `after` may have put another entry in between.
        if (result.offset.position === after.position + records.length)
          this.#take(after, records, result.offset)
        // What is kept is kept, whether it can be read or not.
        else await this.refresh(signal).catch(() => false)
        this.#kept(this)
        return 'kept'
      case 'duplicate':
        return 'kept'
      case 'moved':
        return 'moved'
      case 'missing':
      case 'closed':
        return 'gone'
      default:
        throw new Error(`An append to a chat failed: ${result.outcome}`)
    }
  }

  /** Adds the entries that it does not have yet, because several reads may be in progress. */
  #take(from: Offset, records: readonly StreamRecord[], next: Offset): void {
    const known = this.#offset.position - from.position
    if (known < 0 || known > records.length || next.position <= this.#offset.position) return
    for (const record of records.slice(known)) {
      const text = String(record)
      this.#bytes += Buffer.byteLength(text)
      const entry = readEntry(text)
      if (entry) this.conversation.add(entry)
    }
    this.#offset = next
  }
}

/** The producer of a run's answer. A second append of the answer is a duplicate. */
function answererOf(run: string): string {
  // A producer's id must be shorter than a run's id may be.
  return `@run/${run.length <= 250 ? run : run.slice(-250)}`
}
