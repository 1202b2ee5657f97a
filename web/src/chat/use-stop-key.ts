import { useEffect } from 'react'
import type { LiveChatView } from '../../../src/react/chat/index.ts'

/** Escape ends the answer, where nothing else wants it. */
export function useStopKey({ isAnswering, stop }: LiveChatView): void {
  useEffect(() => {
    if (!isAnswering) return
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.isComposing || event.defaultPrevented) return
      void stop()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => document.removeEventListener('keydown', onKeyDown)
  }, [isAnswering, stop])
}
