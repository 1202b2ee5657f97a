/** The feed of an owner's chats: its records say in which chat something was kept, so that a list of chats stays right. */

/** What a record of the feed says: what a list tells about a chat now, or that the chat is deleted. */
export type ChatNews =
  | {
      readonly chat: string
      /** None: the chat has no title, or not any more. */
      readonly title?: string
      /** Milliseconds since 1970. */
      readonly createdAt: number
      /** When something was kept in the chat. */
      readonly at: number
    }
  | { readonly chat: string; readonly deleted: true }

/** Reads a record of the feed; undefined for what is not known here. */
export function newsIn(value: unknown): ChatNews | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { chat, deleted, title, createdAt, at } = value as Readonly<Record<string, unknown>>
  if (typeof chat !== 'string') return undefined
  if (deleted === true) return { chat, deleted }
  if (typeof createdAt !== 'number' || typeof at !== 'number') return undefined
  return { chat, createdAt, at, ...(typeof title === 'string' && { title }) }
}
