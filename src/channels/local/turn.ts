/** A turn of the event loop for those who receive: what was handed to them they handle, and come back for more. */
import { setImmediate } from 'node:timers'

let next: Promise<void> | undefined

/** Resolves in the next turn of the event loop. All who wait for it share one timer. */
export function turn(): Promise<void> {
  next ??= new Promise((resolve) => {
    setImmediate(() => {
      next = undefined
      resolve()
    })
  })
  return next
}
