/**
 * Which streams there are: keeps the lists true to the streams, and asks both; stream-lists.ts says why
 * they are two.
 */
import { infoOf } from '../bookkeeping.ts'
import type { StreamState } from '../bookkeeping.ts'
import type { CheckedList } from '../requests.ts'
import type { StreamInfo, StreamList } from '../store.ts'
import type { Listing, StreamLists } from './stream-lists.ts'
import type { StreamTable } from './stream-table.ts'

/** Streams looked at in one go. */
const SLICE = 100

export class Catalogue {
  readonly #table: StreamTable
  readonly #lists: StreamLists
  readonly #ordered: boolean

  /** @param ordered see `Servers`. */
  constructor(table: StreamTable, lists: StreamLists, ordered: boolean) {
    this.#table = table
    this.#lists = lists
    this.#ordered = ordered
  }

  /** Lists a stream before what creates it, and again after. */
  async listed<T>(list: () => Promise<void>, act: () => Promise<T>): Promise<T> {
    if (this.#ordered) {
      const acting = [list(), act(), list()] as const
      await Promise.allSettled(acting)
      const [, result] = await Promise.all(acting)
      return result
    }
    await list()
    const result = await act()
    await list()
    return result
  }

  /** Takes what is gone out of the lists, and puts it back when it was created anew meanwhile. */
  async remove(id: string, owner: string | undefined): Promise<void> {
    await this.#lists.remove(id, owner)
    const since = await this.#table.look(id)
    if (since) await this.#lists.add(id, listingOf(since.state))
  }

  async list(checked: CheckedList, signal: AbortSignal | undefined): Promise<StreamList> {
    const { owner, closed, limit } = checked
    const streams: StreamInfo[] = []
    for (let after = checked.after; ;) {
      signal?.throwIfAborted()
      const wanted = limit + 1 - streams.length
      const { list, ids } = await this.#lists.page(checked, after, Math.max(wanted, SLICE))
      const found = await Promise.all(ids.map((id) => this.#table.look(id)))
      for (const [n, id] of ids.entries()) {
        const state = found[n]?.state
        if (!state) await this.remove(id, owner)
        else if (owner !== undefined && state.owner !== owner) await this.#lists.drop('owners', id, owner)
        else if (closed === undefined || state.closed === closed) streams.push(infoOf(id, state))
        else if (list === 'open') await this.#lists.drop('open', id)
        if (streams.length > limit) break
      }
      const last = ids.at(-1)
      if (streams.length > limit) {
        streams.length = limit
        return { streams, next: (streams.at(-1) as StreamInfo).id }
      }
      if (last === undefined || ids.length < Math.max(wanted, SLICE)) return { streams }
      after = last
    }
  }

  /** Removes the streams past their time; how many. */
  async sweep(signal: AbortSignal | undefined): Promise<number> {
    let swept = 0
    for (;;) {
      signal?.throwIfAborted()
      const { clockWentBack, ids } = await this.#lists.due('ends', SLICE, 0)
      if (clockWentBack) {
        for await (const some of this.#lists.all('ends')) swept += await this.#sweep(some)
        continue
      }
      swept += await this.#sweep(ids)
      if (ids.length < SLICE) return swept
    }
  }

  /** How many were removed. */
  async #sweep(ids: readonly string[]): Promise<number> {
    const removed = await Promise.all(
      ids.map(async (id) => {
        const answer = await this.#table.sweep(id)
        if (answer.found === 'alive') await this.#lists.set('ends', id, answer.endsAt)
        else await this.remove(id, answer.found === 'removed' ? answer.owner : undefined)
        return answer.found === 'removed'
      }),
    )
    return removed.filter(Boolean).length
  }
}

function listingOf({ owner, closed, ttlMs, expiresAt }: StreamState): Listing {
  return { owner, open: !closed, ...(ttlMs === undefined ? { endsAt: expiresAt } : { ttlMs }) }
}
