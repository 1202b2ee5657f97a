/** What `useChat` sends, as an ask of the chat: only the last message counts, as the server has the others. */
import type { ChatTransport, UIMessage } from 'ai'
import type { ChatClient, Sent } from '../../client/chat/chat-client.ts'
import type { Aim } from './purpose.ts'

export type TransportSend<M extends UIMessage> = Parameters<ChatTransport<M>['sendMessages']>[0]

export interface PageAsk<M extends UIMessage> {
  /** The message that is to be answered. */
  readonly message: M
  /** Whether it is one that the chat does not have. */
  readonly isNew: boolean
  /** Whether what is being answered is stopped for it. */
  readonly replaces: boolean
  readonly post: (client: ChatClient, chat: string, run: string) => Promise<Sent>
}

/** @param keyOf gives the key of a message that the chat shows. */
export function pageAskOf<M extends UIMessage>(
  { trigger, messages, body }: TransportSend<M>,
  aim: Aim | undefined,
  keyOf: (messageId: string) => string | undefined,
): PageAsk<M> {
  const message = messages.at(-1)
  if (!message) throw new TypeError('There is no message to answer.')
  const { whileBusy = 'queue', edits } = aim?.type === 'ask' ? aim : {}
  const isAgain = trigger === 'regenerate-message'
  const isNew = !isAgain && message.role === 'user'
  return {
    message,
    isNew,
    replaces: whileBusy === 'replace',
    post: (client, chat, run) => {
      const ask = { run, whileBusy, ...(body && { body }) }
      if (isAgain) return client.regenerate(chat, { message: keyOf(message.id) ?? message.id, ...ask })
      // A message of the assistant comes back with an approval, or with what a tool gave, and is gone on with.
      return client.send(chat, { message, ...(isNew && edits !== undefined && { edits }), ...ask })
    },
  }
}
