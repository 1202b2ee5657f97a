/** The public entry of `millrace/ai-sdk/client`: the chats of a server, and a transport of `useChat`, in a page. */
export type { Chat, ChatItem, ListedChat, QueuedItem } from '../../conversation/chat.ts'
export type { ChatAsk } from '../../conversation/conversation.ts'
export type { ChatMessage } from '../../conversation/entries.ts'
export type { ConnectionState } from '../carrier.ts'
export { StreamError, type StreamErrorCode } from '../errors.ts'
export {
  type AskOptions,
  ChatClient,
  type ChatClientOptions,
  type RegenerateOptions,
  type SendOptions,
  type Sent,
} from './chat-client.ts'
export { type ChatTransportOptions, MillraceChatTransport } from './chat-transport.ts'
export type { LiveChat, LiveChatSnapshot, LiveChatStatus } from './live-chat.ts'
export type { LiveChatList, LiveChatListSnapshot } from './live-chat-list.ts'
