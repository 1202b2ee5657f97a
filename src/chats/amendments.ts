/** Changes to a chat that ask for no answer. Each is decided by the current state of the chat. */
import type { ChatEntry, ChatMessage } from '../conversation/entries.ts'
import { ChatError } from '../conversation/errors.ts'
import type { ChatPlace } from './history.ts'
import type { ChatLimits } from './options.ts'
import { keyOf } from './sends.ts'
import type { Sends } from './sends.ts'

/** Implements the methods of the same names of `Chats`; see there. */
export class Amendments {
  readonly #limits: ChatLimits
  readonly #sends: Sends

  constructor(limits: ChatLimits, sends: Sends) {
    this.#limits = limits
    this.#sends = sends
  }

  add(place: ChatPlace, messages: readonly ChatMessage[], signal: AbortSignal): Promise<void> {
    return this.#sends.decide(place, signal, (log) => {
      const size = log?.conversation.size ?? 0
      if (size + messages.length > this.#limits.messages) throw new ChatError('chat_full')
      if (log && log.bytes >= this.#limits.chatBytes) throw new ChatError('chat_too_large')
      if (log?.conversation.active) throw new ChatError('chat_busy')
      const known = new Set<string>()
      const keys = new Set<string>()
      const tree = log?.conversation.tree
      const entries: ChatEntry[] = []
      let parent = log?.conversation.head ?? null
      for (const message of messages) {
        const isKnown = known.has(message.id) || tree?.versions(message.id).length
        if (isKnown) throw new ChatError('message_differs')
        known.add(message.id)
        entries.push({ type: 'message', message, parent, at: Date.now() })
        parent = tree?.nextKey(message.id, keys) ?? message.id
        keys.add(parent)
      }
      return entries.length === 0 ? { done: undefined } : { entries, result: () => undefined }
    })
  }

  takeBack(place: ChatPlace, name: string, signal: AbortSignal): Promise<void> {
    return this.#sends.decide(place, signal, (log) => {
      if (!log) throw new ChatError('chat_not_found')
      const { conversation } = log
      const ask = conversation.waitingBy(name)
      if (ask?.status === 'taken-back') return { done: undefined }
      if (ask?.status === 'queued')
        return { entries: [{ type: 'taken-back', run: ask.run }], result: () => undefined }
      if (conversation.asks.has(name) || conversation.keyOf(name) !== undefined)
        throw new ChatError('already_begun')
      throw new ChatError('message_not_found')
    })
  }

  remove(place: ChatPlace, name: string, signal: AbortSignal): Promise<void> {
    return this.#sends.decide(place, signal, (log) => {
      if (!log) throw new ChatError('chat_not_found')
      const { conversation } = log
      const message = keyOf(conversation, name)
      const { active, tree } = conversation
      if (active && tree.isBelow(active.message, message)) throw new ChatError('chat_busy')
      return { entries: [{ type: 'removed', message }], result: () => undefined }
    })
  }

  select(place: ChatPlace, key: string, signal: AbortSignal): Promise<void> {
    return this.#sends.decide(place, signal, (log) => {
      if (!log) throw new ChatError('chat_not_found')
      const { tree, head } = log.conversation
      const message = tree.get(key)?.key ?? keyOf(log.conversation, key)
      if (tree.lastBelow(message) === head) return { done: undefined }
      if (log.bytes >= this.#limits.chatBytes) throw new ChatError('chat_too_large')
      return { entries: [{ type: 'selected', message }], result: () => undefined }
    })
  }

  rename(place: ChatPlace, title: string, signal: AbortSignal): Promise<void> {
    return this.#sends.decide(place, signal, (log) => {
      if (!log) throw new ChatError('chat_not_found')
      if ((log.conversation.title ?? '') === title) return { done: undefined }
      if (log.bytes >= this.#limits.chatBytes) throw new ChatError('chat_too_large')
      return { entries: [{ type: 'title', title }], result: () => undefined }
    })
  }
}
