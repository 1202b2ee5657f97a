/** A short fingerprint of what a run was asked. It tells whether a second start with the same id asks the same. */
import { createHash } from 'node:crypto'
import type { Json } from '../../protocol/json.ts'

/** Returns 43 characters of SHA-256. Values that are equal as JSON have the same one, in any order of their keys. */
export function fingerprint(value: Json): string {
  return createHash('sha256').update(JSON.stringify(value, inOrder)).digest('base64url')
}

function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
