/**
 * The page's address names the chat that is shown, as `/chat#<id>`: a reload, a bookmark and a second tab find it
 * again. What is behind the `#` is sent to no server.
 */
import { useCallback, useEffect, useState } from 'react'

export interface ChatAddress {
  /** The chat that is shown. A new one has its id before anything is sent. */
  readonly id: string
  readonly isNew: boolean
  readonly open: (id: string) => void
  readonly startNew: () => void
  /** Names the new chat in the address, as it is about to be there. */
  readonly keep: () => void
}

/** Not `.` and `..`, which lead elsewhere in the path of a request. */
const ID = /^#(?!\.{1,2}$)([\w.~-]{1,128})$/

export function useChatAddress(): ChatAddress {
  const [shown, setShown] = useState(read)

  useEffect(() => {
    const onChange = () =>
      setShown((last) =>
        last.isNew && idInAddress() === undefined && idInState() === undefined ? last : read(),
      )
    window.addEventListener('popstate', onChange)
    return () => window.removeEventListener('popstate', onChange)
  }, [])

  const { id, isNew } = shown
  // A reload, and the way back to it, find the new chat again, with what was typed in it.
  useEffect(() => {
    if (isNew && idInState() !== id) history.replaceState({ newChat: id }, '')
  }, [id, isNew])
  return {
    id,
    isNew,
    open: useCallback((chat) => {
      history.pushState(null, '', `#${chat}`)
      setShown({ id: chat, isNew: false })
    }, []),
    startNew: useCallback(() => {
      history.pushState(null, '', location.pathname + location.search)
      setShown({ id: newId(), isNew: true })
    }, []),
    keep: useCallback(() => {
      if (!isNew) return
      history.replaceState(null, '', `#${id}`)
      setShown({ id, isNew: false })
    }, [id, isNew]),
  }
}

function read(): { readonly id: string; readonly isNew: boolean } {
  const id = idInAddress()
  return { id: id ?? idInState() ?? newId(), isNew: id === undefined }
}

function idInAddress(): string | undefined {
  return ID.exec(location.hash)?.[1]
}

/** The id of a new chat, which its entry in the history of the tab keeps. */
function idInState(): string | undefined {
  const { newChat } = (history.state ?? {}) as { readonly newChat?: unknown }
  return typeof newChat === 'string' ? newChat : undefined
}

/** 128 random bits. `crypto.randomUUID` would be missing where the page is read over plain http. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}
