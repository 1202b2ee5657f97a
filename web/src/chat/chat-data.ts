/** What the page knows of a chat and can do with it, and the same of the list. */
import type { UIMessage } from 'ai'
import type { ConnectionState } from '../../../src/client/index.ts'

/** A message that waits for its turn. */
export interface QueuedMessage {
  readonly id: string
  readonly message: UIMessage
}

/** The versions of a message: edits of a question, and answers to the same one. */
export interface Branches {
  /** From 0. */
  readonly index: number
  readonly count: number
  readonly previous: () => void
  readonly next: () => void
}

export type ChatStatus = 'ready' | 'submitted' | 'streaming' | 'error'

export interface ChatData {
  readonly id: string
  readonly messages: readonly UIMessage[]
  readonly status: ChatStatus
  readonly error: Error | undefined
  readonly title: string | undefined
  /** Whether nothing is known of the chat yet. */
  readonly isLoading: boolean
  /** Whether the server has it. */
  readonly exists: boolean
  readonly queue: readonly QueuedMessage[]
  readonly connection: ConnectionState
  readonly connectionError: Error | undefined
  readonly sendMessage: (message: NewMessage) => Promise<void>
  readonly regenerate: (options?: { readonly messageId?: string }) => Promise<void>
  readonly edit: (messageId: string, message: NewMessage) => Promise<void>
  /** Ends the answer for everybody. */
  readonly stop: () => Promise<unknown>
  readonly takeBack: (id: string) => Promise<unknown>
  readonly branches: (messageId: string) => Branches | undefined
  readonly addToolApprovalResponse: (response: { readonly id: string; readonly approved: boolean }) => unknown
  readonly clearError: () => void
}

export interface NewMessage {
  readonly text: string
  readonly files?: FilePart[]
}

export interface FilePart {
  readonly type: 'file'
  readonly mediaType: string
  readonly filename?: string
  readonly url: string
}

export interface ListedChat {
  readonly id: string
  readonly title?: string | undefined
  /** Milliseconds since 1970 of what happened last. */
  readonly at: number
}

export interface ChatListData {
  readonly chats: readonly ListedChat[]
  readonly status: 'loading' | 'live' | 'failed'
  readonly hasMore: boolean
  readonly more: () => Promise<unknown>
  readonly rename: (id: string, title: string) => Promise<unknown>
  readonly remove: (id: string) => Promise<unknown>
}
