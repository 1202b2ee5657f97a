/** What lists tell about a chat. It is kept as the metadata of its stream. */
import type { ListedChat } from '../conversation/chat.ts'
import type { ChatEntry } from '../conversation/entries.ts'
import type { ChatNews } from '../conversation/news.ts'
import type { Json } from '../protocol/json.ts'
import type { StreamInfo } from '../streams/stream.ts'
import type { ChatPlace } from './history.ts'

export function listingOf(
  { chat }: ChatPlace,
  title: string | undefined,
  entries: readonly ChatEntry[],
): Json {
  const titled = entries.findLast((entry) => entry.type === 'title')
  const name = titled?.title ?? title
  const at = Date.now()
  return { chat: { id: chat, at, ...(name !== undefined && name !== '' && { title: name }) } }
}

/** What the feed of its owner says about a chat in which something was kept. */
export function newsOf({ chat }: ChatPlace, createdAt: number, title: string | undefined): ChatNews {
  return { chat, createdAt, at: Date.now(), ...(title !== undefined && title !== '' && { title }) }
}

/** Returns undefined for a chat that is being deleted. */
export function listedChat({ metadata, closed, createdAt }: StreamInfo): ListedChat | undefined {
  const { chat } = (metadata ?? {}) as { readonly chat?: { id: string; at: number; title?: string } }
  if (closed || typeof chat !== 'object' || typeof chat.id !== 'string') return undefined
  return { createdAt, ...chat }
}
