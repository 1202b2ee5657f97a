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

const ID = /^#([\w.~-]{1,128})$/

export function useChatAddress(): ChatAddress {
  const [shown, setShown] = useState(read)

  useEffect(() => {
    const onChange = () => setShown((last) => (idInAddress() === undefined && last.isNew ? last : read()))
    window.addEventListener('popstate', onChange)
    return () => window.removeEventListener('popstate', onChange)
  }, [])

  const { id, isNew } = shown
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
  return { id: id ?? newId(), isNew: id === undefined }
}

function idInAddress(): string | undefined {
  return ID.exec(location.hash)?.[1]
}

/** 128 random bits. `crypto.randomUUID` would be missing where the page is read over plain http. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('')
}
