import { useEffect } from 'react'
import type { LiveChatView } from '../../../src/react/chat/index.ts'

/** Escape ends the answer, where nothing else wants it, and nothing lies over the chat. */
export function useStopKey({ isAnswering, stop }: LiveChatView, isCovered: boolean): void {
  useEffect(() => {
    if (!isAnswering || isCovered) return
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.isComposing || event.defaultPrevented) return
      void stop()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [isAnswering, isCovered, stop])
}
