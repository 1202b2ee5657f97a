/**
 * Messages that were sent while something was being answered: until the log shows them, this tab alone knows that they
 * wait.
 */
import type { UIMessage } from 'ai'
import type { ChatClient } from '../../client/chat/chat-client.ts'
import type { LiveChat } from '../../client/chat/live-chat.ts'
import type { QueuedItem } from '../../conversation/chat.ts'
import type { QueuedMessage, WhileBusy } from './chat-view.ts'

export class WaitingSends<M extends UIMessage> {
  readonly #client: ChatClient
  readonly #chat: string
  readonly #changed: () => void
  #sends: readonly (QueuedMessage<M> & { readonly message: M })[] = []

  constructor(client: ChatClient, chat: string, changed: () => void) {
    this.#client = client
    this.#chat = chat
    this.#changed = changed
  }

  get isSending(): boolean {
    return this.#sends.some(({ status }) => status !== 'refused')
  }

  /** Resolves when the server has kept it, or refused it: then it stands in the queue as refused. */
  async send(
    run: string,
    message: M,
    whileBusy: WhileBusy,
    body: object | undefined,
  ): Promise<Error | undefined> {
    const { id } = message
    this.#sends = [...this.#sends, { id, message, run, status: 'sending', error: undefined }]
    this.#changed()
    try {
      const sent = await this.#client.send(this.#chat, { message, run, whileBusy, ...(body && { body }) })
      this.#change(id, { run: sent.run, status: 'waiting' })
      return undefined
    } catch (error) {
      this.#change(id, { status: 'refused', error: error as Error })
      return error as Error
    }
  }

  /** Takes back what waits in any tab. What was refused is forgotten. */
  async takeBack(name: string): Promise<void> {
    const mine = this.#sends.find(({ id, run }) => id === name || run === name)
    try {
      if (mine?.status !== 'refused') await this.#client.takeBack(this.#chat, name)
    } finally {
      if (mine) this.#sends = this.#sends.filter(({ id }) => id !== mine.id)
      this.#changed()
    }
  }

  /** Forgets what the log knows. */
  settle(live: LiveChat): void {
    const left = this.#sends.filter(({ run }) => !live.ask(run))
    if (left.length < this.#sends.length) this.#sends = left
  }

  /** What waits, in its order. */
  queue(logged: readonly QueuedItem[]): readonly QueuedMessage<M>[] {
    const waiting = logged.map(({ ask: { run }, message }) => ({
      id: message?.id ?? run,
      message: message as M | undefined,
      run,
      status: 'waiting' as const,
      error: undefined,
    }))
    return [...waiting, ...this.#sends]
  }

  #change(id: string, change: Partial<Pick<QueuedMessage<M>, 'run' | 'status' | 'error'>>): void {
    this.#sends = this.#sends.map((one) => (one.id === id ? { ...one, ...change } : one))
    this.#changed()
  }
}
