/** What is asked of a Redis when a connection to it opens: whether it has what the layer needs. */
import type { Logger } from '../../../logging/logger.ts'
import { type RedisClient, RedisRefusedError } from '../../../redis/open-client.ts'
import { UnfitRedisError } from '../../../redis/unfit.ts'

/** @throws {UnfitRedisError} for a server without BZMPOP, with which the layer waits for messages. */
export async function checkCommands(client: RedisClient): Promise<void> {
  // Without arguments it does nothing and needs no permission: a server that has it counts arguments first.
  const answer: unknown = await client.send(['BZMPOP']).catch((error: unknown) => error)
  if (answer instanceof RedisRefusedError && /^ERR unknown command/i.test(answer.message))
    throw new UnfitRedisError(
      'it has no command BZMPOP, which the channel layer needs: Redis 7.0 and later have it, and Valkey',
    )
}

/**
 * Warns of a server that deletes groups and messages when its memory is full.
 *
 * @returns false when the server did not tell, which may be for lack of a permission.
 */
export async function warnOfEviction(client: RedisClient, redis: string, logger: Logger): Promise<boolean> {
  const info = await client.send(['INFO', 'memory']).catch(() => '')
  const policy = /^maxmemory_policy:(.*)$/m.exec(String(info))?.[1]?.trim()
  if (policy === undefined) return false
  if (policy === 'noeviction') return true
  const text = `Redis deletes groups and waiting messages when its memory is full (maxmemory-policy ${policy}): set noeviction`
  logger.warn({ redis }, text)
  return true
}
