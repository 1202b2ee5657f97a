/** Answers that continue a message of the assistant, and stand in its place. */
import type { UIMessage } from 'ai'
import type { Chats } from '../../chats/chats.ts'
import type { ChatScope } from '../../chats/requests.ts'
import type { ChatItem } from '../../conversation/chat.ts'
import { messageChunks } from '../../conversation/message-chunks.ts'

/**
 * Makes the chunks of the message that a run continues; none if it begins one. A run says only what comes behind that,
 * and a client that resumes begins the message anew.
 */
export async function chunksBefore(
  run: string,
  { chats, chat, ...scope }: ChatScope & { readonly chats: Chats; readonly chat: string },
): Promise<readonly string[]> {
  const found = await chats.get(chat, scope)
  const last = found?.messages.at(-1)
  const ask = found?.active?.run === run ? found.active : last?.ask
  if (ask?.run !== run || last?.message.role !== 'assistant') return []
  const isQuestion = ({ key }: ChatItem): boolean => key === ask.message
  const question = found?.messages.find(isQuestion) ?? (await chats.tree(chat, scope)).find(isQuestion)
  if (question?.message.role !== 'assistant') return []
  return messageChunks(question.message as unknown as UIMessage).map((chunk) => JSON.stringify(chunk))
}
