/** Deletes all that belongs to somebody: when an account goes, or an owner asks for it. */
import type { StreamStore } from './store.ts'

/** Deleted side by side: a store that groups its writes takes them in one. */
const AT_ONCE = 100

/**
 * Deletes every stream of an owner, those that Millrace keeps beside runs included; runs under way end as gone.
 * Resolves to how many. Costs by what the owner has. What is created for the owner meanwhile may be left: see that
 * nobody starts anything in that name first. Cut short, it can be called again.
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
