/** Stores that tell what a test says. */
import { StreamInbox } from '../../src/streams/watching.ts'
import type { StreamStore } from '../../src/streams/store.ts'
import type { StreamEvent, WatchListener } from '../../src/streams/watching.ts'

/** What a store tells an inbox, in the hands of a test. */
export function teller(listener: WatchListener): (event: StreamEvent) => void {
  if (!(listener instanceof StreamInbox)) throw new TypeError('Delivery watches with an inbox')
  const events: StreamEvent[] = []
  listener.open({ take: () => events.shift() })
  return (event) => {
    events.push(event)
    listener.call()
  }
}

/** A store that tells what the test says, from the tail on at which it was watched. */
export function told(store: StreamStore): { store: StreamStore; tell: (event: StreamEvent) => void } {
  let tell: (event: StreamEvent) => void = () => {}
  const wrapped: StreamStore = Object.assign(Object.create(store) as StreamStore, {
    read: store.read.bind(store),
    watch: (id: string, listener: WatchListener, signal?: AbortSignal) => {
      tell = teller(listener)
      return store.watch(id, () => {}, signal)
    },
  })
  return { store: wrapped, tell: (event) => tell(event) }
}
