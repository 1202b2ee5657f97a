/**
 * The pages of a stream from a place to its end, read as fast as they are taken: a cursor that holds at most one
 * page.
 */
import type { Json } from '../protocol/json.ts'
import type { Place } from '../protocol/offset.ts'
import { patiently } from '../streams/patience.ts'
import type { StreamPage, StreamStore } from '../streams/store.ts'
import type { GoneReason, StreamEvent } from '../streams/watching.ts'
import type { Orphans } from './orphans.ts'

/** How the pages of a stream ended. */
export type PagesEnd =
  | { readonly type: 'closed'; readonly end?: Json }
  | { readonly type: 'gone'; readonly reason: 'missing' | GoneReason }

export interface PagesOptions {
  readonly store: StreamStore
  readonly orphans: Orphans
  readonly signal: AbortSignal
}

const PAGE_BYTES = 256 * 1024
/** How long an unavailable store is waited for. */
const PATIENCE_MS = 30_000

/**
 * Yields the pages after a place; the first one even if it is empty. Returns how the stream ended. Rejects with the
 * signal's reason when it aborts, and with the store's error after the patience.
 */
export async function* pagesOf(
  id: string,
  after: Place,
  { store, orphans, signal }: PagesOptions,
): AsyncGenerator<StreamPage, PagesEnd> {
  const news = new News(signal)
  const watch = await patiently(
    () => store.watch(id, (event) => news.tell(event), signal),
    PATIENCE_MS,
    signal,
  )
  if (watch.outcome === 'missing') return { type: 'gone', reason: 'missing' }
  const leave = orphans.add(id)
  try {
    let place = after
    for (let isFirst = true; ; isFirst = false) {
      news.clear()
      const read = (): ReturnType<StreamStore['read']> =>
        store.read(id, place, { maxBytes: PAGE_BYTES, signal })
      const page = await patiently(read, PATIENCE_MS, signal)
      // Checked before the page, which may belong to a stream created anew meanwhile.
      if (news.gone) return { type: 'gone', reason: news.gone }
      if (page.outcome === 'missing') return { type: 'gone', reason: 'expired' }
      if (page.outcome === 'trimmed') return { type: 'gone', reason: 'trimmed' }
      if (page.outcome !== 'page') return { type: 'gone', reason: 'lost' }
      if (page.records.length > 0 || isFirst) yield page
      if (page.closed) return { type: 'closed', ...(page.end !== undefined && { end: page.end }) }
      place = page.next
      if (!page.upToDate) continue
      if (!(await orphans.look(id))) return { type: 'gone', reason: news.gone ?? 'expired' }
      await news.arrival()
    }
  } finally {
    leave()
    watch.stop()
  }
}

/** Whether something has come on a stream since it was last read. */
class News {
  gone: GoneReason | undefined
  readonly #signal: AbortSignal
  #isThere = false
  #waiter: (() => void) | undefined

  constructor(signal: AbortSignal) {
    this.#signal = signal
  }

  clear(): void {
    this.#isThere = false
  }

  tell(event: StreamEvent): void {
    if (event.type === 'gone') this.gone = event.reason
    this.#isThere = true
    this.#waiter?.()
  }

  /** Rejects with the signal's reason when it aborts. */
  async arrival(): Promise<void> {
    const signal = this.#signal
    if (!this.#isThere && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const arrive = (): void => {
          signal.removeEventListener('abort', arrive)
          this.#waiter = undefined
          resolve()
        }
        this.#waiter = arrive
        signal.addEventListener('abort', arrive, { once: true })
      })
    }
    signal.throwIfAborted()
  }
}
