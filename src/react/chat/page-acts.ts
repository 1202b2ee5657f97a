/** What a page does in a chat: each act is a send of `useChat`, or a request of the client. */
import { type UIMessage, generateId } from 'ai'
import { type ChatClient, newRun } from '../../client/chat/chat-client.ts'
import type { ChatSession } from './chat-session.ts'
import type { WhileBusy } from './chat-view.ts'
import { type Sendable, messageOf } from './sendable.ts'

/** How something is sent. */
export interface SendHow {
  /** Anything for the server's `stream`, which gets it as `body`. */
  readonly body?: object
  /** What becomes of it while something is being answered. */
  readonly whileBusy?: WhileBusy
}

export class PageActs<M extends UIMessage> {
  readonly #session: ChatSession<M>
  readonly #generateId: () => string

  constructor(session: ChatSession<M>, newId: () => string = generateId) {
    this.#session = session
    this.#generateId = newId
  }

  readonly sendMessage = async (message?: Sendable<M>, how: SendHow = {}): Promise<void> => {
    const session = this.#session
    const { body, whileBusy = session.options.whileBusy ?? 'queue' } = how
    if (!message) return await this.#sendLast(body, whileBusy)
    const made = await messageOf<M>(message, this.#generateId)
    if (message.messageId !== undefined) return await this.edit(message.messageId, made, how)
    const { isBusy } = session
    if (isBusy && whileBusy !== 'replace') return await this.#wait(made, whileBusy, body)
    const send = (): Promise<void> => {
      // Whoever says something else has given it up.
      session.takeUnsent()
      const aim = { type: 'ask', whileBusy } as const
      return session.request((request) => session.chat.sendMessage(made, request), aim, body)
    }
    await (isBusy ? session.instead(send) : send())
  }

  readonly edit = async (messageId: string, message: Sendable<M>, how: SendHow = {}): Promise<void> => {
    const session = this.#session
    const { body, whileBusy = 'replace' } = how
    // With an id of its own: both versions stay.
    const { id: _, ...content } = message as { readonly id?: string }
    const made = await messageOf<M>(content as Sendable<M>, this.#generateId)
    await session.instead(() => {
      const { messages } = session.chat
      const index = messages.findIndex(({ id }) => id === messageId)
      if (index === -1) throw new TypeError(`There is no message ${messageId} to edit.`)
      const aim = { type: 'ask', whileBusy, edits: session.keyOf(messageId) } as const
      session.chat.messages = messages.slice(0, index)
      return session.request((request) => session.chat.sendMessage(made, request), aim, body)
    })
  }

  readonly regenerate = async (how: SendHow & { readonly messageId?: string } = {}): Promise<void> => {
    const session = this.#session
    const { messageId, body, whileBusy = 'replace' } = how
    const isAnother = messageId !== undefined && session.keyOf(messageId) !== undefined
    const unsent = isAnother ? undefined : session.takeUnsent()
    if (unsent) return await this.sendMessage(unsent, { ...(body && { body }) })
    const which = messageId !== undefined && { messageId }
    const aim = { type: 'ask', whileBusy } as const
    await session.instead(() =>
      session.request((request) => session.chat.regenerate({ ...request, ...which }), aim, body),
    )
  }

  readonly takeBack = (name: string): Promise<void> => this.#session.waiting.takeBack(name)

  /** A send on its way to the server is stopped as well: its answer, that is. */
  readonly stop = async (): ReturnType<ChatClient['stop']> => {
    const { client, id, posted } = this.#session
    await posted
    return await client.stop(id)
  }

  readonly select = (key: string): Promise<void> => this.#session.client.select(this.#session.id, key)

  readonly rename = (title: string): Promise<void> => this.#session.client.rename(this.#session.id, title)

  readonly clearError = (): void => this.#session.clearError()

  async #wait(message: M, whileBusy: WhileBusy, body: object | undefined): Promise<void> {
    const run = newRun()
    this.#session.own(run)
    const refusal = await this.#session.waiting.send(run, message, whileBusy, body)
    if (refusal) this.#session.options.onError?.(refusal)
  }

  /** The last message once more: an answer that is gone on with, or what got no answer. */
  async #sendLast(body: object | undefined, whileBusy: WhileBusy): Promise<void> {
    const { chat } = this.#session
    if (chat.lastMessage?.role === 'user') return await this.regenerate({ whileBusy, ...(body && { body }) })
    const aim = { type: 'ask', whileBusy } as const
    await this.#session.request((request) => chat.sendMessage(undefined, request), aim, body)
  }
}
