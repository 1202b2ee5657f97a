/** What a run was asked, in a few bytes: whether a second start with its id asks the same. */
import { createHash } from 'node:crypto'
import type { Json } from '../../protocol/json.ts'

/** The same for values that are equal as JSON, whatever the order of their keys: 43 characters, of SHA-256. */
export function fingerprint(value: Json): string {
  return createHash('sha256').update(JSON.stringify(value, inOrder)).digest('base64url')
}

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
