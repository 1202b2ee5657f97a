/**
 * A conversation: the entries of a chat, folded. Pure and incremental: whoever has added the same entries in the same
 * order has the same conversation, in every process.
 *
 * Its messages are a tree. An edit stands beside the message that it takes the place of, and an answer that was asked
 * for again beside the first one; `head` is the last message of the branch that goes on. At most one run answers at a
 * time, and asks that came meanwhile wait in their order.
 *
 * An entry that these rules forbid is passed over: it was appended by somebody who did not look.
 */
import type { Json } from '../protocol/json.ts'
import type { RunEnd } from '../protocol/run-end.ts'
import type { AnswerEntry, AskedEntry, ChatEntry, ChatMessage } from './entries.ts'
import { MessageTree } from './message-tree.ts'
import type { ChatNode } from './message-tree.ts'
import { isSameJson } from './same-json.ts'

/** An answer that was asked for. */
export interface ChatAsk {
  /** The id of its run. */
  readonly run: string
  readonly kind: string
  /** The key of the message that is answered. */
  readonly message: string
  readonly body?: Json
  /** When it was asked for, or began after it had waited: milliseconds since 1970. */
  readonly at: number
  /** `running` from the moment that it is kept, be its run started yet or not. */
  readonly status: 'queued' | 'running' | 'taken-back' | RunEnd['status']
  /** As in the end of its run: why, and what a person reads. */
  readonly reason?: string
  readonly text?: string
  /** The key of the answer, where anything was said. */
  readonly answer?: string
  readonly usage?: Json
  /** Whether what is being answered is stopped for it. */
  readonly replaces?: true
}

/** An ask that waits for its turn. */
export interface WaitingAsk {
  readonly ask: ChatAsk
  /** None where a message is answered again. */
  readonly message: ChatMessage | undefined
  /** Where it was said to go; undefined: behind whatever is last then. */
  readonly parent: string | null | undefined
  /** The run in whose branch it goes on, where it was not said what it follows. */
  readonly behind: string | undefined
}

export class Conversation {
  readonly tree = new MessageTree()
  title: string | undefined
  /** By run. */
  readonly asks = new Map<string, ChatAsk>()
  /** By run that has answered, the incarnation of its stream. */
  readonly incarnations = new Map<string, string>()
  /** The keys of messages that waited before their turn came. */
  readonly waited = new Set<string>()
  readonly #queue: WaitingAsk[] = []
  #active: string | undefined
  /** By message key, the last run that was to answer it. */
  readonly #asked = new Map<string, string>()
  /** Messages that were sent and are in no branch, by id: in the queue, or taken back. Several may be edits of one. */
  readonly #waited = new Map<string, readonly WaitingAsk[]>()
  /** Messages that were removed, by id: who sends one again is told. */
  readonly #removed = new Map<string, ChatMessage[]>()
  /** The last branch's last message. */
  head: string | undefined

  /** What is being answered: its run may not be started yet. */
  get active(): ChatAsk | undefined {
    return this.#active === undefined ? undefined : this.asks.get(this.#active)
  }

  /** What waits, in its order. */
  get queue(): readonly WaitingAsk[] {
    return this.#queue
  }

  /** How many messages there are, those included that wait. */
  get size(): number {
    return this.tree.size + this.#queue.length
  }

  /** How many there will be once all that was asked for is answered. */
  get sizeInTheEnd(): number {
    return this.size + this.#queue.length + (this.#active === undefined ? 0 : 1)
  }

  add(entry: ChatEntry): void {
    switch (entry.type) {
      case 'message':
        this.head = this.tree.add(entry.message, entry.parent ?? undefined, entry.at)
        return
      case 'asked':
        return entry.queued ? this.#wait(entry) : this.#ask(entry)
      case 'begun':
        return this.#begin(entry)
      case 'answer':
        return this.#answer(entry)
      case 'taken-back':
        return this.#takeBack(entry.run)
      case 'removed':
        return this.#remove(entry.message)
      case 'selected':
        return this.#select(entry.message)
      case 'title':
        this.title = entry.title
    }
  }

  /** The messages of the branch that ends with a message, in their order; by default of the one that goes on. */
  branch(key: string | undefined = this.head): readonly ChatNode[] {
    return key === undefined ? [] : this.tree.branch(key)
  }

  /** The last ask for an answer to a message, or the one that it answers. */
  askOf({ key, run }: ChatNode): ChatAsk | undefined {
    const of = run ?? this.#asked.get(key)
    return of === undefined ? undefined : this.asks.get(of)
  }

  /**
   * What became of a message that was sent before: the same id, and the same in all else. `differs` where the id is
   * that of others alone.
   */
  sentBefore(message: ChatMessage): ChatAsk | ChatNode | 'differs' | 'removed' | undefined {
    const { id } = message
    const waited = this.#waited.get(id)
    const same = waited?.find((one) => isSameJson(one.message, message))
    if (same) return same.ask
    const versions = this.tree.versions(id)
    for (const key of versions) {
      const node = this.tree.get(key)
      if (!node || !isSameJson(node.message, message)) continue
      const asked = this.#asked.get(key)
      return (asked === undefined ? undefined : this.asks.get(asked)) ?? node
    }
    if (this.wasRemoved(message)) return 'removed'
    if (versions.length === 0) return waited ? 'differs' : undefined
    return versions.some((key) => this.tree.get(key)) ? 'differs' : 'removed'
  }

  /** Whether a message, the same in all, was in a branch and is not any more. */
  wasRemoved(message: ChatMessage): boolean {
    return this.#removed.get(message.id)?.some((removed) => isSameJson(removed, message)) ?? false
  }

  /** What waits, or was taken back, by the id of its message or by its run. */
  waitingBy(name: string): ChatAsk | undefined {
    const waited = this.#waited.get(name)
    // The last one that waits yet, if any does.
    return (
      (waited?.findLast(({ ask }) => ask.status === 'queued') ?? waited?.at(-1))?.ask ?? this.asks.get(name)
    )
  }

  /** The last message of the branch that goes on, if a run is in it; else of the branch of that run. */
  lastBehind(run: string): string | undefined {
    const { message = '', answer } = this.asks.get(run) ?? {}
    if (this.head !== undefined && this.tree.isBelow(this.head, message)) return this.head
    return this.tree.lastBelow(answer ?? message) ?? this.head
  }

  /** The key of a message that is named by its key, or by its id: then the version in the branch that goes on, or the last. */
  keyOf(name: string): string | undefined {
    const here = this.branch().find(({ message }) => message.id === name)
    if (here) return here.key
    if (this.tree.get(name)) return name
    return this.tree.versions(name).findLast((key) => this.tree.get(key))
  }

  #ask(entry: AskedEntry): void {
    const { message, again, parent, at } = entry
    if (this.#active !== undefined || this.asks.has(entry.run)) return
    const key = message ? this.tree.add(message, parent ?? undefined, at) : again
    if (key === undefined || !this.tree.get(key)) return
    this.#start(askOf(entry, key, 'running'))
  }

  #wait(entry: AskedEntry): void {
    const { message, again, parent, behind } = entry
    if (this.asks.has(entry.run) || (again !== undefined && !this.tree.get(again))) return
    const ask = askOf(entry, message?.id ?? again ?? '', 'queued')
    this.asks.set(ask.run, ask)
    const waiting = { ask, message, parent, behind }
    this.#queue.push(waiting)
    if (message) this.#waited.set(message.id, [...(this.#waited.get(message.id) ?? []), waiting])
  }

  #begin({ run, parent, at }: Extract<ChatEntry, { type: 'begun' }>): void {
    const index = this.#queue.findIndex(({ ask }) => ask.run === run)
    const waiting = this.#queue[index]
    if (!waiting || this.#active !== undefined) return
    const { message, ask } = waiting
    if (!message && !this.tree.get(ask.message)) return
    this.#queue.splice(index, 1)
    this.#waitNoMore(waiting)
    const key = message ? this.tree.add(message, parent ?? undefined, at) : ask.message
    if (message) this.waited.add(key)
    const { replaces: _, ...others } = ask
    this.#start({ ...others, message: key, at, status: 'running' })
  }

  #start(ask: ChatAsk): void {
    this.asks.set(ask.run, ask)
    this.#asked.set(ask.message, ask.run)
    this.#active = ask.run
    this.head = ask.message
  }

  #answer({ run, incarnation, status, at, reason, text, message, usage }: AnswerEntry): void {
    const ask = this.active
    // The first answer of a run is the answer.
    if (!ask || ask.run !== run) return
    this.#active = undefined
    if (incarnation !== undefined) this.incarnations.set(run, incarnation)
    const answer = message && this.tree.add(message, ask.message, at, run)
    if (answer !== undefined && this.head === ask.message) this.head = answer
    this.asks.set(run, {
      ...ask,
      status,
      ...(reason !== undefined && { reason }),
      ...(text !== undefined && { text }),
      ...(answer !== undefined && { answer }),
      ...(usage !== undefined && { usage }),
    })
  }

  #takeBack(run: string): void {
    const index = this.#queue.findIndex(({ ask }) => ask.run === run)
    const waiting = this.#queue[index]
    if (!waiting) return
    this.#queue.splice(index, 1)
    const ask = { ...waiting.ask, status: 'taken-back' } as const
    this.asks.set(run, ask)
    this.#waitNoMore(waiting, { ...waiting, ask })
  }

  /** It is in a branch, or was taken back. */
  #waitNoMore(waiting: WaitingAsk, instead?: WaitingAsk): void {
    const id = waiting.message?.id
    if (id === undefined) return
    const others = this.#waited.get(id)?.filter((one) => one !== waiting) ?? []
    const left = instead ? [...others, instead] : others
    if (left.length > 0) this.#waited.set(id, left)
    else this.#waited.delete(id)
  }

  #select(key: string): void {
    if (!this.tree.get(key)) return
    // What comes behind it is being written.
    this.head = this.active?.message === key ? key : this.tree.lastBelow(key)
  }

  #remove(key: string): void {
    const node = this.tree.get(key)
    const active = this.active
    if (!node || (active && this.tree.isBelow(active.message, key))) return
    const isHead = this.head !== undefined && this.tree.isBelow(this.head, key)
    for (const message of this.tree.remove(key)) {
      const others = this.#removed.get(message.id)
      if (others) others.push(message)
      else this.#removed.set(message.id, [message])
    }
    if (isHead) this.head = this.tree.lastBelow(node.parent)
  }
}

function askOf(entry: AskedEntry, key: string, status: ChatAsk['status']): ChatAsk {
  const { run, kind, at, body, replaces } = entry
  return {
    run,
    kind,
    message: key,
    at,
    status,
    ...(body !== undefined && { body }),
    ...(replaces && { replaces }),
  }
}
