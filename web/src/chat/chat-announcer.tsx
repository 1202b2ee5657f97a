import { type ReactElement, useEffect, useRef, useState } from 'react'
import type { ChatStatus } from 'ai'
import type { LiveChatView } from '../../../src/react/chat/index.ts'
import { sentenceOf } from './errors.ts'

/** Tells a screen reader that an answer begins and ends, and of the connection; of the text in between, nothing. */
export function ChatAnnouncer({ chat }: { readonly chat: LiveChatView }): ReactElement {
  const { status, error, connection } = chat
  const before = useRef<ChatStatus>(status)
  const wasLost = useRef(false)
  const [news, setNews] = useState('')

  useEffect(() => {
    const last = before.current
    before.current = status
    if (status === 'submitted') setNews('Sent.')
    else if (status === 'streaming') setNews('The answer begins.')
    else if (status === 'error') setNews(sentenceOf(error))
    else if (last === 'streaming') setNews('The answer has ended.')
  }, [status, error])

  const isLost = connection === 'reconnecting'
  useEffect(() => {
    if (isLost) setNews('Connection lost. Reconnecting.')
    else if (wasLost.current) setNews('Connected again.')
    wasLost.current = isLost
  }, [isLost])

  return (
    <p className="hidden" role="status">
      {news}
    </p>
  )
}
