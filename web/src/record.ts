/**
 * What a run brings, read defensively: the page believes no field before it has looked at it, and
 * passes over whatever it does not know.
 */

/** A line of the script, or some of a model's text. */
export type Piece = { readonly kind: 'line' | 'text'; readonly text: string }

/** Reads one record of a stream; undefined for what is none of this page's. */
export function readRecord(record: unknown): Piece | undefined {
  if (typeof record !== 'object' || record === null) return undefined
  const { message, delta }: { message?: unknown; delta?: unknown } = record
  if (typeof message === 'string') return { kind: 'line', text: message }
  if (typeof delta === 'string') return { kind: 'text', text: delta }
  return undefined
}
