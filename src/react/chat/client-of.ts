/** Which client a hook uses. */
import { ChatClient } from '../../client/chat/chat-client.ts'

/** Where the chats are: a client that lives as long as the page, or their path. */
export interface ChatsOf {
  /** Shared with the rest of the page. */
  readonly client?: ChatClient | undefined
  /** The path of `chat(path, …)`, or its whole address. Default `/api/chat`. All hooks with the same one share a client. */
  readonly api?: string | undefined
}

/** One for each address. Without anything to follow it has no connection. */
const clients = new Map<string, ChatClient>()

export function clientOf({ client, api = '/api/chat' }: ChatsOf): ChatClient {
  if (client) return client
  let found = clients.get(api)
  if (!found) clients.set(api, (found = new ChatClient({ api })))
  return found
}
