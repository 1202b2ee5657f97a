/** Finds out whether a Redis has what the layer takes, before anything waits for it. */
import { type RedisClient, RedisRefusedError } from '../../../redis/open-client.ts'
import { UnfitRedisError } from '../../../redis/unfit.ts'

/** @throws {UnfitRedisError} for a server that would refuse every wait for messages. */
export async function checkAbilities(client: RedisClient): Promise<void> {
  // Without arguments it does nothing, and takes no right: a server that has it counts its arguments first.
  const answer: unknown = await client.send(['BZMPOP']).catch((error: unknown) => error)
  if (answer instanceof RedisRefusedError && /^ERR unknown command/i.test(answer.message))
    throw new UnfitRedisError(
      'it has no command BZMPOP, which the channel layer needs: Redis 7.0 and later have it, and Valkey',
    )
}
