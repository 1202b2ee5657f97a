'use client'
/** The public entry of `millrace/ai-sdk/react`. */
export type { Branches, QueuedMessage, WhileBusy } from './chat-view.ts'
export type { ChatsOf } from './client-of.ts'
export type { SendHow } from './page-acts.ts'
export type { Files, Sendable } from './sendable.ts'
export { type ChatListView, useChatList } from './use-chat-list.ts'
export { type LiveChatView, type UseLiveChatOptions, useLiveChat } from './use-live-chat.ts'
