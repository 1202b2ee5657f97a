/** A turn of the event loop, in which receivers handle what they got and come back for more. */
import { setImmediate } from 'node:timers'

let next: Promise<void> | undefined

/** Resolves in the next turn of the event loop. All callers share one timer. */
export function turn(): Promise<void> {
  next ??= new Promise((resolve) => {
    setImmediate(() => {
      next = undefined
      resolve()
    })
  })
  return next
}
