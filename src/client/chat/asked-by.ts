/** What a page of `useChat` sends, made an ask of its chat. */
import type { UIMessage } from 'ai'

export interface PageSend {
  readonly trigger: 'submit-message' | 'regenerate-message'
  readonly messages: readonly UIMessage[]
  readonly messageId: string | undefined
}

/** A message to answer, or the id of one to answer again. */
export type Asked = { readonly message: UIMessage; readonly edits?: string } | { readonly again: string }

/** Only the last message counts: the server has the others. @throws {TypeError} without one. */
export function askedBy({ trigger, messages, messageId }: PageSend): Asked {
  const last = messages.at(-1)
  if (!last) throw new TypeError('There is no message to answer.')
  if (trigger === 'regenerate-message') return { again: last.id }
  // The assistant's own comes back with what a tool of the page gave, or with an approval, and is gone on with.
  const edits = last.role === 'assistant' ? last.id : messageId
  return { message: last, ...(edits !== undefined && { edits }) }
}
