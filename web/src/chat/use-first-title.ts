import { useEffect, useRef } from 'react'
import type { LiveChatView } from '../../../src/react/chat/index.ts'
import { textOf } from './message-text.ts'

/** Characters of a title that comes from the first question. */
const MOST = 60

/** A chat that begins here is called as its first question. */
export function useFirstTitle({ exists, title, messages, rename }: LiveChatView, isNew: boolean): void {
  const isDue = useRef(isNew)
  useEffect(() => {
    if (!isDue.current || !exists) return
    isDue.current = false
    if (title !== undefined) return
    const question = messages.find(({ role }) => role === 'user')
    const text = (question ? textOf(question) : '').slice(0, 1000).replaceAll(/\s+/g, ' ').trim()
    const short = text.length > MOST ? `${text.slice(0, MOST).toWellFormed().trimEnd()}…` : text
    // Without a title it is listed as untitled, and can be named there.
    rename(short || 'An image').catch(() => {})
  }, [exists, title, messages, rename])
}
