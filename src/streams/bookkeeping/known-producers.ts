/**
 * How many producers a stream knows. A producer costs whoever makes one up a byte, and the store a row: beyond the
 * limit those are forgotten whose latest append lies furthest back, an eighth of the limit at once, so that looking
 * for them costs each new one little.
 */
import type { ProducerState } from './stream-state.ts'

/** How many are forgotten when a new one comes to so many. `@lease` is not among them: where it is, no other writes. */
export function excessOf(known: number, limit: number): number {
  return known < limit ? 0 : known - limit + Math.max(1, Math.floor(limit / 8))
}

/** Makes room for a new one. */
export function makeRoom(known: Map<string, ProducerState>, limit: number): void {
  const excess = excessOf(known.size, limit)
  if (excess === 0) return
  const byPlace = [...known].sort(([, a], [, b]) => a.position - b.position)
  for (const [id] of byPlace.slice(0, excess)) known.delete(id)
}
