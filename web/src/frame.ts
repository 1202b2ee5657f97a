/**
 * What the server sends, read defensively: the page believes no field before it has looked at it,
 * and passes over whatever it does not know.
 */

/** One understood frame. `id` names the request it answers; a line may belong to none. */
export type Frame =
  | { readonly kind: 'line'; readonly id: string | undefined; readonly text: string }
  | { readonly kind: 'piece'; readonly id: string; readonly text: string }
  | { readonly kind: 'running' | 'completed' | 'stopped'; readonly id: string }
  | { readonly kind: 'failed'; readonly id: string; readonly reason: string }

const NO_REASON = 'The server gave no reason.'

/** Reads the data of one WebSocket message; undefined for anything that is no frame of this page. */
export function parseFrame(data: unknown): Frame | undefined {
  const fields = parseObject(data)
  if (fields === undefined) return undefined
  const { id, message, delta, status, reason } = fields
  if (id !== undefined && typeof id !== 'string') return undefined
  if (typeof message === 'string') return { kind: 'line', id, text: message }
  if (id === undefined) return undefined
  if (typeof delta === 'string') return { kind: 'piece', id, text: delta }
  switch (status) {
    case 'running':
    case 'completed':
    case 'stopped':
      return { kind: status, id }
    case 'failed':
      return {
        kind: status,
        id,
        reason: typeof reason === 'string' && reason.trim() !== '' ? reason : NO_REASON,
      }
    default:
      return undefined
  }
}

function parseObject(data: unknown): Record<string, unknown> | undefined {
  if (typeof data !== 'string') return undefined
  try {
    const value: unknown = JSON.parse(data)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}
