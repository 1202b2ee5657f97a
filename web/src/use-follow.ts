import { type RefObject, useCallback, useEffect, useRef, useState } from 'react'

export interface Follow {
  /** Whether the end of the text is kept in view. */
  readonly following: boolean
  /** Goes to the end and stays there. */
  readonly follow: () => void
  /** To be called after the text changed: goes to the end if it is being followed. */
  readonly keepUp: () => void
}

/** How far from the end still counts as the end, in CSS pixels: scroll positions are fractional. */
const TOLERANCE = 2

/**
 * Keeps the end of a scrolling element in view until its reader scrolls up, and again once the
 * reader is back at the end.
 */
export function useFollow(target: RefObject<HTMLElement | null>): Follow {
  const [following, setFollowing] = useState(true)
  const isFollowing = useRef(true)
  const lastTop = useRef(0)
  const lastHeight = useRef(0)

  const set = useCallback((value: boolean) => {
    isFollowing.current = value
    setFollowing(value)
  }, [])

  const keepUp = useCallback(() => {
    const element = target.current
    if (element === null) return
    if (isFollowing.current) element.scrollTop = element.scrollHeight
    // A text that now fits has its end in view.
    else if (isAtEnd(element)) set(true)
    lastTop.current = element.scrollTop
    lastHeight.current = element.scrollHeight
  }, [target, set])

  const follow = useCallback(() => {
    set(true)
    keepUp()
  }, [set, keepUp])

  useEffect(() => {
    const element = target.current
    if (element === null) return
    const onScroll = () => {
      const { scrollTop, scrollHeight } = element
      if (isAtEnd(element)) set(true)
      // Only a move upwards is the reader's: text that grew before it was followed moves nothing. Text that became
      // shorter does, and is no reader.
      else if (scrollTop < lastTop.current && scrollHeight >= lastHeight.current) set(false)
      lastTop.current = scrollTop
      lastHeight.current = scrollHeight
    }
    // A phone that turns, or whose keyboard opens, changes the height without a scroll.
    const observer = new ResizeObserver(keepUp)
    observer.observe(element)
    element.addEventListener('scroll', onScroll, { passive: true })
    return () => {
      observer.disconnect()
      element.removeEventListener('scroll', onScroll)
    }
  }, [target, set, keepUp])

  return { following, follow, keepUp }
}

function isAtEnd({ scrollTop, scrollHeight, clientHeight }: HTMLElement): boolean {
  return scrollHeight - clientHeight - scrollTop <= TOLERANCE
}
