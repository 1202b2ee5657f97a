import { useEffect, useState } from 'react'
import { systemClock } from './clock.ts'

/** The time on the system clock, read anew every `interval` milliseconds; held still while it is undefined. */
export function useNow(interval: number | undefined): number {
  const [now, setNow] = useState(() => systemClock.now())
  useEffect(() => {
    if (interval === undefined) return
    const read = () => setNow(systemClock.now())
    read()
    const timer = setInterval(read, interval)
    return () => clearInterval(timer)
  }, [interval])
  return now
}
