/**
 * A conversation as a page has it, held against the chat's. What the chat has is not kept again; what differs from it, and
 * all that follows, begins a branch. So the branch of the question is what the page said, message for message.
 */
import { Buffer } from 'node:buffer'
import type { Conversation } from '../conversation/conversation.ts'
import type { ChatEntry, ChatMessage } from '../conversation/entries.ts'
import { ChatError } from '../conversation/errors.ts'
import { type ChatNode, MessageTree } from '../conversation/message-tree.ts'

/** Whether a message of the chat is the one that a page has. */
export type IsSame = (kept: ChatMessage, sent: ChatMessage) => boolean

export interface PageHistory {
  /** All that the page has before its question, in its order. */
  readonly before: readonly ChatMessage[]
  readonly question: ChatMessage
  readonly isSame: IsSame
  /** Whether the question is to be answered again, and not the same send. */
  readonly anew: boolean
  /** Most bytes of one message that the chat does not have. */
  readonly messageBytes: number
}

/** Where a page's question goes. */
export interface Grafted {
  /** What has to be kept before the question. */
  readonly entries: readonly ChatEntry[]
  /** The key of the message that the question follows; null for none; undefined behind the answer in progress. */
  readonly parent: string | null | undefined
  /** The key of the question, if the chat has it at that place. */
  readonly key?: string
}

/** @throws {ChatError} `message_too_large`. */
export function graft(conversation: Conversation | undefined, page: PageHistory): Grafted {
  const tree = conversation?.tree ?? new MessageTree()
  const { active } = conversation ?? {}
  // The page has it in part, and what waits behind it not at all.
  if (conversation && active && hasQuestion(tree, active.message, page))
    return { entries: [], parent: undefined }
  const { before, question, isSame, messageBytes } = page
  const known = matching(tree, before, isSame)
  const waited = conversation && !page.anew && waitedBehind(conversation, known.at(-1), page)
  if (waited) return { entries: [], parent: waited.parent ?? null, key: waited.key }
  const fresh = before.slice(known.length)
  const taken = new Set<string>()
  const entries: ChatEntry[] = []
  let parent = known.at(-1)?.key ?? null
  for (const message of fresh) {
    if (Buffer.byteLength(JSON.stringify(message)) > messageBytes) throw new ChatError('message_too_large')
    entries.push({ type: 'message', message, parent, at: Date.now() })
    parent = tree.nextKey(message.id, taken)
    taken.add(parent)
  }
  // Whoever looks at the chat goes on seeing what is being answered.
  if (active && entries.length > 0) entries.push({ type: 'selected', message: active.message })
  const there = fresh.length > 0 ? undefined : find(tree, question, parent ?? undefined, isSame)
  return { entries, parent, ...(there && { key: there.key }) }
}

/** The messages of the chat that a page has, from the first one on. */
function matching(tree: MessageTree, messages: readonly ChatMessage[], isSame: IsSame): readonly ChatNode[] {
  const nodes: ChatNode[] = []
  for (const message of messages) {
    const node = find(tree, message, nodes.at(-1)?.key, isSame)
    if (!node) break
    nodes.push(node)
  }
  return nodes
}

function find(
  tree: MessageTree,
  message: ChatMessage,
  follows: string | undefined,
  isSame: IsSame,
): ChatNode | undefined {
  const keys = tree.versions(message.id)
  for (const key of keys.toReversed()) {
    const node = tree.get(key)
    if (node && tree.standsBehind(node) === follows && isSame(node.message, message)) return node
  }
  return undefined
}

/**
 * The question, if it was sent while something was being answered that the page has: then it stands behind an answer that
 * the page had in part, or not at all.
 */
function waitedBehind(
  { tree, waited }: Conversation,
  last: ChatNode | undefined,
  { question, isSame }: PageHistory,
): ChatNode | undefined {
  if (!last) return undefined
  const nodes = tree.versions(question.id).map((key) => tree.get(key))
  return nodes.findLast(
    (node) =>
      node && waited.has(node.key) && tree.isBelow(node.key, last.key) && isSame(node.message, question),
  )
}

/** Whether the page has, in the same place, the message that is being answered. */
function hasQuestion(tree: MessageTree, key: string, { before, isSame }: PageHistory): boolean {
  const node = tree.get(key)
  if (!node) return false
  const at = before.findIndex(({ id }) => id === node.message.id)
  const sent = before[at]
  if (!sent) return false
  const known = matching(tree, before.slice(0, at), isSame)
  if (known.length < at || tree.standsBehind(node) !== known.at(-1)?.key) return false
  // One of the assistant's is being gone on with, and grows.
  return isSame(node.message, sent) || node.message.role === 'assistant'
}
