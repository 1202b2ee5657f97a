import { type ReactElement, type ReactNode, useEffect, useRef, useSyncExternalStore } from 'react'

interface DrawerProps {
  readonly isNarrow: boolean
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly children: ReactNode
}

/** The list: beside the chat where there is room, and over it on a phone, while it is open. */
export function Drawer({ isNarrow, isOpen, onClose, children }: DrawerProps): ReactElement {
  const drawer = useRef<HTMLElement>(null)
  const isOver = isNarrow && isOpen

  useEffect(() => {
    if (!isOver) return
    const before = document.activeElement
    drawer.current?.querySelector<HTMLElement>('a, button')?.focus()
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented) return
      event.preventDefault()
      onClose()
    }
    document.addEventListener('keydown', onKeyDown)
    return () => {
      document.removeEventListener('keydown', onKeyDown)
      if (before instanceof HTMLElement) before.focus()
    }
  }, [isOver, onClose])

  return (
    <>
      <aside
        className="drawer"
        ref={drawer}
        aria-label="Chats"
        data-open={isOpen}
        inert={isNarrow && !isOpen}
      >
        {children}
      </aside>
      {isOver && <button type="button" className="backdrop" aria-label="Close the list" onClick={onClose} />}
    </>
  )
}

const NARROW = window.matchMedia('(max-width: 50rem)')

/** Whether there is no room for the list beside the chat. */
export function useIsNarrow(): boolean {
  return useSyncExternalStore(onWidth, () => NARROW.matches)
}

function onWidth(listener: () => void): () => void {
  NARROW.addEventListener('change', listener)
  return () => NARROW.removeEventListener('change', listener)
}
