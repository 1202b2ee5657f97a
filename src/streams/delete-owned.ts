/** Deletes all streams of an owner, for example when an account is closed. */
import type { StreamStore } from './store.ts'

/** Streams deleted concurrently: a store that groups its writes commits them together. */
const AT_ONCE = 100

/**
 * Deletes every stream of an owner, including those that Millrace keeps beside runs; active runs end as gone.
 * Resolves to the number of deleted streams. The cost depends on the owner's streams only. Streams created meanwhile
 * may remain, so stop the owner's starts first. It can be repeated if interrupted.
 */
export async function deleteOwned(
  store: Pick<StreamStore, 'list' | 'delete'>,
  owner: string,
  signal?: AbortSignal,
): Promise<number> {
  let deleted = 0
  for (let after: string | undefined; ;) {
    const place = { ...(after !== undefined && { after }), ...(signal && { signal }) }
    const { streams, next } = await store.list({ owner, limit: AT_ONCE, ...place })
    const outcomes = await Promise.all(
      streams.map(({ id, incarnation }) => store.delete(id, signal, incarnation)),
    )
    deleted += outcomes.filter(Boolean).length
    if (next === undefined) return deleted
    after = next
  }
}
