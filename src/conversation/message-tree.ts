/**
 * The messages of a chat as a tree: each follows one, and several may follow the same. A message is known by its key,
 * which is its id, or for a later version of it, `id~2` and so on: the same in every process that has added the same.
 *
 * A message with the id of the one that it follows goes on with that: it stands in its place in a branch. So an answer
 * can be continued, after a tool call that somebody had to approve.
 */
import type { ChatMessage } from './entries.ts'

export interface ChatNode {
  readonly key: string
  readonly message: ChatMessage
  /** The key of the message that it follows, one of the tree. */
  readonly parent: string | undefined
  /** What it follows where that was none of the tree when it came: the id of a message that the application keeps. */
  readonly after?: string
  /** When it came: milliseconds since 1970. */
  readonly at: number
  /** The run that said it. */
  readonly run?: string
}

const NONE: ReadonlySet<string> = new Set()

export class MessageTree {
  readonly #nodes = new Map<string, ChatNode>()
  /** By the key of the message that they follow; undefined for those that follow none. */
  readonly #following = new Map<string | undefined, string[]>()
  /** The keys that each id ever had, those of removed messages included. */
  readonly #versions = new Map<string, string[]>()
  readonly #taken = new Set<string>()

  get size(): number {
    return this.#nodes.size
  }

  /** In the order in which they came. */
  get nodes(): Iterable<ChatNode> {
    return this.#nodes.values()
  }

  get(key: string): ChatNode | undefined {
    return this.#nodes.get(key)
  }

  /** Adds a message behind another; returns its key. Nothing follows what came later: there are no circles. */
  add(message: ChatMessage, follows: string | undefined, at: number, run?: string): string {
    const isThere = follows !== undefined && this.#nodes.has(follows)
    const parent = isThere ? follows : undefined
    const after = !isThere && follows !== undefined && { after: follows }
    const key = this.#newKey(message.id)
    this.#nodes.set(key, { key, message, parent, at, ...after, ...(run !== undefined && { run }) })
    const following = this.#following.get(parent)
    if (following) following.push(key)
    else this.#following.set(parent, [key])
    return key
  }

  /** The key that the next message with an id gets, where the keys in `taken` are given away, too. */
  nextKey(id: string, taken: ReadonlySet<string>): string {
    let key = id
    for (let version = this.versions(id).length + 1; this.#taken.has(key) || taken.has(key); version++)
      key = `${id}~${version}`
    return key
  }

  /** The key of the message that stands before one in its branch; undefined for the first. */
  standsBehind(node: ChatNode): string | undefined {
    return this.#parentOf(this.firstOf(node))?.key
  }

  /** The first of the messages that a message goes on with, one after the other; itself, if it goes on with none. */
  firstOf(node: ChatNode): ChatNode {
    let first = node
    for (let before = this.#parentOf(node); before?.message.id === node.message.id;) {
      first = before
      before = this.#parentOf(before)
    }
    return first
  }

  /** The keys that an id has had, in their order. */
  versions(id: string): readonly string[] {
    return this.#versions.get(id) ?? []
  }

  /** The keys of what follows a message, or of the first messages, in the order in which they came. */
  following(key: string | undefined): readonly string[] {
    return this.#following.get(key) ?? []
  }

  /** The branch that ends with a message. */
  branch(last: string): readonly ChatNode[] {
    const nodes: ChatNode[] = []
    for (let node = this.#nodes.get(last); node; node = this.#parentOf(node)) {
      // It was gone on with.
      if (nodes.at(-1)?.message.id !== node.message.id) nodes.push(node)
    }
    return nodes.reverse()
  }

  /** The last message of the branch that came last behind a message, or of all; undefined for an empty tree. */
  lastBelow(key: string | undefined): string | undefined {
    let last = key !== undefined && this.#nodes.has(key) ? key : undefined
    for (let next = this.following(key).at(-1); next !== undefined; next = this.following(next).at(-1))
      last = next
    return last
  }

  /** Whether a message is another one, or behind it. */
  isBelow(key: string, other: string): boolean {
    for (let node = this.#nodes.get(key); node; node = this.#parentOf(node)) {
      if (node.key === other) return true
    }
    return false
  }

  /** Removes a message and all behind it; returns what was removed. */
  remove(key: string): readonly ChatMessage[] {
    const removed: ChatMessage[] = []
    const node = this.#nodes.get(key)
    if (!node) return removed
    const siblings = this.#following.get(node.parent) ?? []
    siblings.splice(siblings.indexOf(key), 1)
    for (const pending = [key]; ;) {
      const next = pending.pop()
      if (next === undefined) return removed
      const gone = this.#nodes.get(next)
      if (gone) removed.push(gone.message)
      pending.push(...this.following(next))
      this.#following.delete(next)
      this.#nodes.delete(next)
    }
  }

  #parentOf({ parent }: ChatNode): ChatNode | undefined {
    return parent === undefined ? undefined : this.#nodes.get(parent)
  }

  #newKey(id: string): string {
    const key = this.nextKey(id, NONE)
    const versions = this.#versions.get(id) ?? []
    this.#versions.set(id, versions)
    this.#taken.add(key)
    versions.push(key)
    return key
  }
}
