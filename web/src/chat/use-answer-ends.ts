import { useCallback, useMemo, useSyncExternalStore } from 'react'
import type { LiveChatView } from '../../../src/react/chat/index.ts'

/** How an answer ended that is not whole. */
export type AnswerEnd = 'stopped' | 'failed'

/** The answers that are not whole, by the ids of their messages. */
export function useAnswerEnds({ client, id }: LiveChatView): ReadonlyMap<string, AnswerEnd> {
  const chat = client.chat(id)
  const subscribe = useCallback((listener: () => void) => chat.subscribe(listener), [chat])
  const { messages } = useSyncExternalStore(subscribe, () => chat.snapshot())
  return useMemo(() => {
    const ends = new Map<string, AnswerEnd>()
    for (const { message, ask } of messages) {
      if (message.role !== 'assistant') continue
      if (ask?.status === 'stopped' || ask?.status === 'failed') ends.set(message.id, ask.status)
    }
    return ends
  }, [messages])
}
