/** The chats of a client: those that somebody subscribes to, and the last ones that nobody does any more. */
import { FollowedChat, type FollowedChatHost } from './followed-chat.ts'

/** How many are kept as they were, for whoever comes back to them. */
const MOST_KEPT = 10

export class OpenChats {
  readonly #host: FollowedChatHost
  readonly #used = new Map<string, FollowedChat>()
  /** In the order in which they were left. */
  readonly #left = new Map<string, FollowedChat>()

  constructor(host: Omit<FollowedChatHost, 'used'>) {
    this.#host = { ...host, used: (chat, isUsed) => this.#note(chat, isUsed) }
  }

  get(id: string): FollowedChat {
    const found = this.#used.get(id) ?? this.#left.get(id)
    if (found) return found
    const made = new FollowedChat(id, this.#host)
    this.#leave(made)
    return made
  }

  #note(chat: FollowedChat, isUsed: boolean): void {
    const { id } = chat
    if (isUsed) {
      this.#left.delete(id)
      this.#used.set(id, chat)
    } else if (this.#used.delete(id)) this.#leave(chat)
  }

  #leave(chat: FollowedChat): void {
    this.#left.set(chat.id, chat)
    for (const [oldest] of this.#left) {
      if (this.#left.size <= MOST_KEPT) return
      this.#left.delete(oldest)
    }
  }
}
