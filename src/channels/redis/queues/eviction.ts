/** Says it when a Redis is set up to delete what the layer keeps there. */
import type { Logger } from '../../../logging/logger.ts'
import type { RedisClient } from '../../../redis/open-client.ts'

/** @returns whether the server said what it does when its memory is full. */
export async function warnOfEviction(client: RedisClient, redis: string, logger: Logger): Promise<boolean> {
  // A user whose rights do not go so far is not told, and the layer works all the same.
  const info = await client.send(['INFO', 'memory']).catch(() => '')
  const policy = /^maxmemory_policy:(.*)$/m.exec(String(info))?.[1]?.trim()
  if (policy === undefined) return false
  if (policy === 'noeviction') return true
  const text = `when its memory is full, Redis deletes groups and messages that wait (maxmemory-policy ${policy}): set noeviction`
  logger.warn({ redis }, text)
  return true
}
