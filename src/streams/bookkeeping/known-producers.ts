/**
 * Limits the producers that a stream knows. A new producer costs a client a byte, and the store a row. Beyond the
 * limit, those with the oldest last append are forgotten, an eighth of the limit at once, so that the search costs
 * each new producer little.
 */
import type { ProducerState } from './stream-state.ts'

/**
 * How many are forgotten when a new one is added to this many. `@lease` does not count: a stream that has it has no
 * other writers.
 */
export function excessOf(known: number, limit: number): number {
  return known < limit ? 0 : known - limit + Math.max(1, Math.floor(limit / 8))
}

/** Makes room for a new producer. */
export function makeRoom(known: Map<string, ProducerState>, limit: number): void {
  const excess = excessOf(known.size, limit)
  if (excess === 0) return
  const byPlace = [...known].sort(([, a], [, b]) => a.position - b.position)
  for (const [id] of byPlace.slice(0, excess)) known.delete(id)
}
