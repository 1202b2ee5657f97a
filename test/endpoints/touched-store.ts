import { memory } from '../../src/streams/memory/store.ts'
import { InterposedStore } from '../runs/interposed-store.ts'

export interface TouchedStore {
  readonly hand: InterposedStore
  /** Resolves when a stream was touched so many times more. */
  touches(stream: string, times: number): Promise<void>
}

/** A store whose clock goes on by 300 ms with each touch of a stream, and by nothing else: no stall of the machine ends one. */
export function touchedStore(): TouchedStore {
  let now = 0
  const waiting = new Set<(stream: unknown) => void>()
  const hand = new InterposedStore(memory({ clock: () => now }))
  const ticking = new Set<unknown>()
  hand.around = async (method, call, [stream]) => {
    const result = await call()
    if (method !== 'touch') return result
    // Once everybody had a turn.
    if (ticking.has(stream)) {
      now += 300
      ticking.clear()
    }
    ticking.add(stream)
    for (const tell of waiting) tell(stream)
    return result
  }
  return {
    hand,
    touches: (stream, times) =>
      new Promise((resolve) => {
        let left = times
        const tell = (touched: unknown): void => {
          if (touched !== stream || --left > 0) return
          waiting.delete(tell)
          resolve()
        }
        waiting.add(tell)
      }),
  }
}
