/** A React hook for one chat: `useChat`, live in every tab and on every device. */
import { type UseChatHelpers, useChat } from '@ai-sdk/react'
import type { ChatInit, ChatStatus, UIMessage } from 'ai'
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react'
import type { ConnectionState } from '../../client/carrier.ts'
import type { ChatClient } from '../../client/chat/chat-client.ts'
import type { LiveChatSnapshot } from '../../client/chat/live-chat.ts'
import type { StreamError } from '../../client/errors.ts'
import { ChatSession } from './chat-session.ts'
import { type Branches, type ChatView, type QueuedMessage, type WhileBusy, branchesOf } from './chat-view.ts'
import { type ChatsOf, clientOf } from './client-of.ts'
import { PageActs, type SendHow } from './page-acts.ts'
import type { Sendable } from './sendable.ts'

/** The options of `useChat`, but for those that the chat's log stands for. */
export interface UseLiveChatOptions<M extends UIMessage = UIMessage>
  extends
    ChatsOf,
    Pick<
      ChatInit<M>,
      | 'messages'
      | 'generateId'
      | 'messageMetadataSchema'
      | 'dataPartSchemas'
      | 'onToolCall'
      | 'onData'
      | 'onFinish'
      | 'onError'
      | 'sendAutomaticallyWhen'
    > {
  /** What becomes of a message that is sent while something is being answered. Default `queue`. */
  readonly whileBusy?: WhileBusy | undefined
  /** The id of the chat. It comes to be with its first message. */
  readonly id: string
  /** Milliseconds between two renderings that tokens cause. Default: those of a frame, 17. */
  readonly throttle?: number | undefined
}

export interface LiveChatView<M extends UIMessage = UIMessage> extends Pick<
  UseChatHelpers<M>,
  'id' | 'messages' | 'status' | 'error' | 'addToolOutput' | 'addToolApprovalResponse' | 'clearError'
> {
  /** Until the chat was read for the first time. `messages` are those of the options till then. */
  readonly isLoading: boolean
  /** Whether there is such a chat: not before its first message, and not when it was deleted, in any tab. */
  readonly exists: boolean
  readonly title: string | undefined
  /**
   * Whether the chat answers, in any branch and whoever asked. `status` tells of the branch that is shown.
   */
  readonly isAnswering: boolean
  /** What waits for its turn, in every tab. A message is in `queue` or in `messages`, never in both. */
  readonly queue: readonly QueuedMessage<M>[]
  /**
   * Sends a message. While something is being answered it waits in the `queue`, unless `whileBusy` says otherwise. With a
   * `messageId` it edits. Resolves when its answer has ended, or when it waits; what the server refuses is in `error`,
   * and stays at the end of `messages` for `regenerate()` to send again, or in the `queue`.
   */
  readonly sendMessage: (message?: Sendable<M>, how?: SendHow) => Promise<void>
  /** Puts a message in the place of one of the user's, in a branch of its own. What is being answered is stopped for it. */
  readonly edit: (messageId: string, message: Sendable<M>, how?: SendHow) => Promise<void>
  /**
   * Asks for another answer, by default to the last message; the other one stays in a branch of its own. What is being
   * answered is stopped for it. Sends again what the server refused.
   */
  readonly regenerate: (how?: SendHow & { readonly messageId?: string }) => Promise<void>
  /**
   * Takes back what waits, by the id of its message or by its run, and forgets what was refused.
   *
   * @throws {StreamError} `already_begun`, where it was too late.
   */
  readonly takeBack: (name: string) => Promise<void>
  /**
   * Stops what is being answered, whoever asked for it, in any tab and process, and its cost. What was said stays. What
   * waits comes next. Resolves with how the answer ended; `idle` where there was none.
   */
  readonly stop: () => Promise<'stopped' | 'completed' | 'failed' | 'idle'>
  /** Where a message stands among its versions: edits, or other answers. Undefined where it is the only one. */
  readonly branches: (messageId: string) => Branches | undefined
  /** Sets the title; the empty text takes it away. */
  readonly rename: (title: string) => Promise<void>
  /** How the connection is. A loss is mended by itself. */
  readonly connection: ConnectionState
  /** Why there is no connection. */
  readonly connectionError: StreamError | undefined
  readonly client: ChatClient
}

interface Held<M extends UIMessage> {
  readonly session: ChatSession<M>
  readonly acts: PageActs<M>
}

/** Milliseconds. */
const FRAME = 17

/**
 * Shows a chat of `chat(path, …)` as `useChat` does, and keeps it as it is in every other tab and on every other device:
 * questions and answers begin in all of them, each message is there once, and any of them stops what is being answered.
 * Lost connections and restarts are not seen, but in `connection`. Leaving the page or the component ends no answer.
 */
export function useLiveChat<M extends UIMessage = UIMessage>(
  options: UseLiveChatOptions<M>,
): LiveChatView<M> {
  const { id, throttle = FRAME } = options
  const client = clientOf(options)
  const begin = (): Held<M> => {
    const session = new ChatSession<M>(client, id, options, options)
    return { session, acts: new PageActs(session, options.generateId) }
  }
  const [held, hold] = useState(begin)
  let { session, acts } = held
  if (session.client !== client || session.id !== id) {
    const other = begin()
    ;({ session, acts } = other)
    hold(other)
  }
  useEffect(() => {
    session.options = options
  })
  const { messages, status, error, addToolOutput, addToolApprovalResponse } = useChat<M>({
    chat: session.chat,
    throttle,
  })
  useEffect(() => session.open(), [session])
  const [connection, connectionError] = useConnection(client)
  const view = session.viewOf(messages)
  const { live, queue, failure, active } = view
  const branches = useBranches(live, session, acts)
  const said = useMemo(() => messages.filter((message) => says(message)), [messages])
  const { sendMessage, edit, regenerate, takeBack, stop, rename, clearError } = acts
  return {
    id,
    messages: said,
    status: statusOf(status, view),
    error: error ?? live.error ?? failure?.error,
    isLoading: live.status === 'loading',
    exists: live.status === 'live',
    title: live.title,
    isAnswering: (live.active ?? active) !== undefined,
    queue,
    sendMessage,
    edit,
    regenerate,
    takeBack,
    stop,
    branches,
    rename,
    clearError,
    addToolOutput,
    addToolApprovalResponse,
    connection,
    connectionError,
    client,
  }
}

/** Whether it says anything yet: an answer begins with its id, and a part with an empty text. */
function says({ role, parts }: UIMessage): boolean {
  return role !== 'assistant' || parts.some((part) => part.type !== 'step-start' && !isEmpty(part))
}

function isEmpty(part: UIMessage['parts'][number]): boolean {
  return 'text' in part && part.text === '' && part.state === 'streaming'
}

/** That of `useChat`, before and behind which the chat may be at work already. */
function statusOf<M extends UIMessage>(status: ChatStatus, view: ChatView<M>): ChatStatus {
  if (status !== 'ready') return status
  if (view.isSending || view.active) return 'submitted'
  return view.failure || view.live.error ? 'error' : 'ready'
}

function useBranches<M extends UIMessage>(
  { messages }: LiveChatSnapshot,
  { messageAt }: ChatSession<M>,
  { select }: PageActs<M>,
): LiveChatView['branches'] {
  return useCallback(
    (messageId) => {
      const item = messages.find(({ message }) => message.id === messageId)
      return item && branchesOf(item, messageAt, select)
    },
    [messages, messageAt, select],
  )
}

function useConnection(client: ChatClient): [ConnectionState, StreamError | undefined] {
  const subscribe = useCallback((listener: () => void) => client.subscribe(listener), [client])
  const state = useSyncExternalStore(
    subscribe,
    () => client.state,
    () => 'idle' as const,
  )
  const error = useSyncExternalStore(
    subscribe,
    () => client.error,
    () => undefined,
  )
  return [state, error]
}
