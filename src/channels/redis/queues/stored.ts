/** What lies in a queue in Redis. */
import type { Reply } from '../../../redis/open-client.ts'

/** A message as it is in a queue, and since when, in seconds by Redis. */
export interface Stored {
  readonly member: Buffer
  readonly score: string
}

/** Of members and their scores, in turn. */
export function pairs(reply: Reply): Stored[] {
  const flat = reply as Buffer[]
  const stored: Stored[] = []
  for (let i = 0; i + 1 < flat.length; i += 2) {
    stored.push({ member: flat[i] as Buffer, score: String(flat[i + 1]) })
  }
  return stored
}
